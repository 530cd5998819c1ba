"""Proof that a client knows the exponent of its ciphertexts: it made them, and from no others.

Ciphertexts that are multiplied can be made from each other: of (c1, c2) and an encryption of zero
comes another one of the same value, and of the inverses one that takes the value away. A client who
may contribute such a ciphertext can have a sum decrypted that is one other client's value. Whoever
knows the exponent r of c1 = g^r made it from nothing.

Sources: Schnorr 1991; for its use with ElGamal Tsiounis and Yung 1998, Bernhard, Pereira, Warinschi
2012, theorem 2 (encryption with this proof is non-malleable in the random oracle model).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from crypto.errors import DecodingError, ProofError
from crypto.groups import Element, Group
from crypto.proofs.fiat_shamir import CHALLENGE_BYTES, challenge
from crypto.randomness import SYSTEM, Randomness


@dataclass(frozen=True)
class KnowledgeProof:
    """A proof that somebody knows the r with element = g^r.

    Attributes:
        challenge: 0 to 2^128 - 1.
        response: 0 to q - 1.
    """

    challenge: int
    response: int

    @classmethod
    def make(
        cls,
        group: Group[Element],
        element: Element,
        exponent: int,
        context: bytes,
        randomness: Randomness = SYSTEM,
    ) -> "KnowledgeProof":
        """Prove knowledge of an exponent.

        Args:
            group: where `element` lives.
            element: g^r.
            exponent: r.
            context: what the proof is bound to.
            randomness: where the nonce, fresh for every proof, comes from.

        Guarantees: says nothing of r (in the random oracle model).
        """
        nonce = group.random_exponent(randomness)
        found = challenge("knowledge", group, context, (element, group.generator_power(nonce)))
        return cls(found, (nonce + found * exponent) % group.order)

    def verify(self, group: Group[Element], element: Element, context: bytes) -> None:
        """Check the proof; anybody can.

        Raises:
            ProofError: if it is no proof for this element in this context.
        """
        commitment = group.multiply(
            group.generator_power(self.response),
            group.power(group.invert(element), self.challenge),
        )
        if challenge("knowledge", group, context, (element, commitment)) != self.challenge:
            raise ProofError("a proof of what was encrypted does not verify")

    def to_bytes(self, group: Group[Element]) -> bytes:
        """Return `knowledge_proof_bytes(group)` bytes."""
        head = self.challenge.to_bytes(CHALLENGE_BYTES, "little")
        return head + group.exponents.encode(self.response)

    @classmethod
    def from_bytes(cls, data: bytes, group: Group[Element]) -> "KnowledgeProof":
        """Read what `to_bytes` wrote.

        Raises:
            DecodingError: for a wrong length or a response of q or more.
        """
        if len(data) != knowledge_proof_bytes(group):
            size = knowledge_proof_bytes(group)
            raise DecodingError(f"a proof has {size} bytes, not {len(data)}")
        head = int.from_bytes(data[:CHALLENGE_BYTES], "little")
        return cls(head, group.exponents.decode(data[CHALLENGE_BYTES:]))


def knowledge_proof_bytes(group: Group[Element]) -> int:
    """Return the length of an encoded `KnowledgeProof`."""
    return CHALLENGE_BYTES + group.exponents.element_bytes


def decode_proofs(data: bytes, group: Group[Element], count: int) -> Sequence[KnowledgeProof]:
    """Read `count` proofs, one after the other.

    Raises:
        DecodingError: for another length, or what is no proof.
    """
    size = knowledge_proof_bytes(group)
    if len(data) != count * size:
        raise DecodingError(f"{count} proofs have {count * size} bytes, not {len(data)}")
    return [
        KnowledgeProof.from_bytes(data[start : start + size], group)
        for start in range(0, len(data), size)
    ]
