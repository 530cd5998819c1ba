"""Operations that cost time, told to whoever counts them.

Primitives say what they do by `note`; the channel of a session counts it for the party whose step
is under way. Where nobody counts, nothing is kept. What is told are names alone, never values.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import Final


class Operation(StrEnum):
    """What is counted."""

    KEY_AGREEMENT = "key agreements"
    ENCRYPTION = "authenticated encryptions"
    DECRYPTION = "authenticated decryptions"
    SHARE = "shares made"
    RECONSTRUCTION = "reconstructions of a secret"
    MASK_EXPANSION = "expansions of a seed to a whole mask"
    ELGAMAL_ENCRYPTION = "ElGamal encryptions"
    ELGAMAL_ADDITION = "additions of ElGamal ciphertexts"
    ELGAMAL_BASE = "bases for partial decryptions"
    PARTIAL_DECRYPTION = "partial decryptions"


_COUNTER: Final[ContextVar[Counter[Operation] | None]] = ContextVar("counter", default=None)


def note(operation: Operation, times: int = 1) -> None:
    """Tell that an operation was done."""
    counter = _COUNTER.get()
    if counter is not None:
        counter[operation] += times


@contextmanager
def counted_in(counter: Counter[Operation]) -> Iterator[None]:
    """Count what this thread does while the block runs; a block within counts for itself."""
    token = _COUNTER.set(counter)
    try:
        yield
    finally:
        _COUNTER.reset(token)
