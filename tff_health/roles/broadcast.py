"""What the server gives all sites before a round."""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tff_health.errors import DataError
from tff_health.local.model_weights import ModelWeights

_MAGIC = b"tff_health broadcast 1\n"
_HEAD = struct.Struct("<IQ")
MOST_ROUNDS = 2**31 - 1


@dataclass(frozen=True, eq=False)
class Broadcast:
    """The model that sites train from, and what a scheme has them know beside it.

    Rates are not in it: a site has them from its own settings, by the number of the round.

    Attributes:
        updates: rounds that have changed the model so far, 0 to 2^31 - 1.
        weights: of the model, as arrays.
        extras: arrays: the last update of the model, where a site's is compared with it; the
            clipping norm, where the server adds noise; else none.
    """

    updates: int
    weights: ModelWeights
    extras: tuple[NDArray[Any], ...] = ()

    def to_bytes(self) -> bytes:
        """Returns the one byte form of this broadcast.

        Format: a line that names it; `updates`, uint32, and the length of what follows, uint64;
        the weights, as `ModelWeights` has them; and the extras, as weights of a model would be.
        """
        weights = self.weights.to_bytes()
        extras = ModelWeights(list(self.extras), []).to_bytes()
        return b"".join([_MAGIC, _HEAD.pack(self.updates, len(weights)), weights, extras])

    @classmethod
    def from_bytes(cls, data: bytes) -> "Broadcast":
        """Reads what `to_bytes` made, and nothing else.

        Raises:
            DataError: if `to_bytes` cannot have made it.
        """
        start = len(_MAGIC) + _HEAD.size
        if len(data) < start or not data.startswith(_MAGIC):
            raise DataError("these bytes are no broadcast of this version")
        updates, length = _HEAD.unpack(data[len(_MAGIC) : start])
        if updates > MOST_ROUNDS or length > len(data) - start:
            raise DataError(f"a broadcast of {len(data)} bytes is not as long as it says")
        weights = ModelWeights.from_bytes(data[start : start + length])
        extras = ModelWeights.from_bytes(data[start + length :])
        if extras.non_trainable:
            raise DataError("a broadcast whose extras are of two kinds")
        return cls(updates, weights, tuple(extras.trainable))

    def digest(self) -> bytes:
        """Returns SHA-256 of the byte form, 32 bytes; what sessions are bound to."""
        return hashlib.sha256(self.to_bytes()).digest()

    def check_like(self, weights: ModelWeights, extras: Sequence[Any]) -> None:
        """Checks that a broadcast is for a model and a scheme.

        Args:
            weights: of such a model.
            extras: of such a broadcast.

        Raises:
            DataError: if it is for another.
        """
        weights.check_like(self.weights)
        wanted = [(np.asarray(e).dtype, np.shape(e)) for e in extras]
        if [(e.dtype, e.shape) for e in self.extras] != wanted:
            raise DataError(
                f"a broadcast with {len(self.extras)} arrays beside the model is for another "
                f"scheme: this one has {len(wanted)}"
            )
