"""Bytes of a round without cryptography, as lengths of TFF's own encoding of the messages."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow_federated as tff
from numpy.typing import NDArray

from crypto.encoding.position_coding import encode


@dataclass(frozen=True)
class Traffic:
    """What one client sends and receives in a round.

    Attributes:
        update: length of an update in the clear and its weight.
        model: length of the model.
        parameters: numbers in an update.
    """

    update: int
    model: int
    parameters: int

    def change(self, positions: NDArray[np.int32]) -> int:
        """Length of a change of the model, one float32 at some positions."""
        encoded = encode(np.sort(positions).astype(np.int64), self.parameters)
        return len(encoded) + np.dtype(np.float32).itemsize

    @classmethod
    def of(cls, weights: tff.learning.models.ModelWeights) -> "Traffic":
        """Measures the messages of a model with these weights."""
        model = [*weights.trainable, *weights.non_trainable]
        return cls(
            _encoded_length([*weights.trainable, np.float32(1)]),
            _encoded_length(model),
            sum(np.size(weight) for weight in weights.trainable),
        )


def _encoded_length(arrays: list[Any]) -> int:
    length = 0
    for array in map(np.asarray, arrays):
        encoded, _ = tff.framework.serialize_value(array, tff.TensorType(array.dtype, array.shape))
        length += encoded.ByteSize()
    return length
