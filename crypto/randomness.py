"""Where random bytes come from.

Randomness is an argument of everything that draws it, so that test vectors need no patching. Keys
always come from the operating system; seeds of experiments never reach this module.
"""

import hashlib
import os
from typing import Final, Protocol

from crypto.errors import ParameterError


class Randomness(Protocol):
    """A source of uniform random bytes."""

    def bytes(self, count: int) -> bytes:
        """Return `count` fresh bytes."""
        ...


class SystemRandomness:
    """The operating system's generator: the only source for keys."""

    def bytes(self, count: int) -> bytes:
        """Return `count` bytes of `os.urandom`."""
        return os.urandom(count)


class TestVectorRandomness:
    """SHAKE-256 of a public label. It makes test vectors repeatable and protects nothing."""

    __test__ = False  # not a test class, whatever its name suggests to pytest

    def __init__(self, label: bytes) -> None:
        self._label = label
        self._drawn = 0

    def bytes(self, count: int) -> bytes:
        """Return the next `count` bytes: a different stretch on every call."""
        self._drawn += 1
        return hashlib.shake_256(self._drawn.to_bytes(8, "little") + self._label).digest(count)


SYSTEM: Final[Randomness] = SystemRandomness()


def uniform_below(bound: int, randomness: Randomness = SYSTEM) -> int:
    """Draw an integer uniformly from 0 to bound - 1, by rejection.

    Args:
        bound: a positive integer of any size.
        randomness: the source; fewer than two draws are needed on average.

    Raises:
        ParameterError: if `bound` is not positive.
    """
    if bound < 1:
        raise ParameterError(f"bound={bound} must be at least 1")
    bits = (bound - 1).bit_length()
    count = (bits + 7) // 8
    while True:
        candidate = int.from_bytes(randomness.bytes(count), "little") & ((1 << bits) - 1)
        if candidate < bound:
            return candidate
