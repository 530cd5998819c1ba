"""The challenges of a norm proof: hashes of all that was said before (Fiat and Shamir 1986)."""

import numpy as np
from numpy.typing import NDArray

from crypto.commitments.commitment import Commitment
from crypto.commitments.matrix import uniform_residues
from crypto.domain import domain_hash
from crypto.norm_proofs.parameters import NormParameters
from crypto.primitives.prg import Keystream


def statement(
    parameters: NormParameters, commitment: Commitment, context: bytes
) -> tuple[bytes, ...]:
    """Return what challenges depend on from the beginning."""
    numbers = (number.to_bytes(16, "little") for number in parameters.numbers)
    return context, commitment.to_bytes(), *numbers


class Transcript:
    """What prover and verifier have said so far.

    Challenges are read off keystreams under keys that are hashes of it, as public polynomials are.

    Args:
        statement: all that the proof is about, and what it is bound to.
    """

    def __init__(self, *statement: bytes) -> None:
        self._state = domain_hash("norm proof/statement", *statement)

    def say(self, *said: bytes) -> None:
        """Add what the prover says."""
        self._state = domain_hash("norm proof/said", self._state, *said)

    def keystream(self, purpose: str) -> Keystream:
        """Return where the challenges for a purpose are read from."""
        return Keystream(domain_hash(f"norm proof/{purpose}", self._state))

    def places(self, count: int, below: int) -> NDArray[np.int64]:
        """Return different numbers below a power of two, in the order of drawing."""
        keystream, words = self.keystream("places"), np.empty(2 * count, "<u4")
        found: dict[int, None] = {}
        while len(found) < count:
            keystream.fill(words, memoryview(bytes(words.nbytes)))
            found |= dict.fromkeys(int(word) for word in words & np.uint32(below - 1))
        return np.array([*found][:count], np.int64)


def residues(keystream: Keystream, shape: tuple[int, ...], prime: int) -> NDArray[np.float64]:
    """Return the next uniform residues of a keystream, centred, as doubles."""
    words = uniform_residues(keystream, int(np.prod(shape)), prime).astype(np.float64)
    return np.where(words > prime // 2, words - prime, words).reshape(shape)
