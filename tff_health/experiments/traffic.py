"""Bytes of a round without cryptography, as lengths of TFF's own encoding of the messages."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow_federated as tff


@dataclass(frozen=True)
class Traffic:
    """What one client sends and receives in a round.

    Attributes:
        update: length of an update in the clear and its weight.
        model: length of the model.
    """

    update: int
    model: int

    @classmethod
    def of(cls, weights: tff.learning.models.ModelWeights) -> "Traffic":
        """Measures the messages of a model with these weights."""
        model = [*weights.trainable, *weights.non_trainable]
        return cls(_encoded_length([*weights.trainable, np.float32(1)]), _encoded_length(model))


def _encoded_length(arrays: list[Any]) -> int:
    length = 0
    for array in map(np.asarray, arrays):
        encoded, _ = tff.framework.serialize_value(array, tff.TensorType(array.dtype, array.shape))
        length += encoded.ByteSize()
    return length
