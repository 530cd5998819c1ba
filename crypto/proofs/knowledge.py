"""Proof that a client knows the exponent of its ciphertexts: it made them, and from no others.

Ciphertexts that are multiplied can be made from each other: of (c1, c2) and an encryption of zero
comes another one of the same value, and of the inverses one that takes the value away. A client who
may contribute such a ciphertext can have a sum decrypted that is one other client's value. Whoever
knows the exponent r of c1 = g^r made it from nothing.

Many proofs are checked at once, each raised to a weight that nobody knew when it was made.

Sources: Schnorr 1991; for its use with ElGamal Tsiounis and Yung 1998, Bernhard, Pereira, Warinschi
2012, theorem 2 (encryption with this proof is non-malleable in the random oracle model); Bellare,
Garay, Rabin 1998 for the weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic

from crypto.errors import DecodingError, ProofError
from crypto.groups.base import Element, Group
from crypto.proofs.fiat_shamir import challenge
from crypto.randomness import SYSTEM, Randomness, uniform_below

_WEIGHT_BITS: Final = 128


@dataclass(frozen=True)
class KnowledgeClaim(Generic[Element]):
    """Somebody knows the r with `element` = g^r, in `context`."""

    element: Element
    context: bytes


@dataclass(frozen=True)
class KnowledgeProof(Generic[Element]):
    """A proof of a `KnowledgeClaim`.

    Attributes:
        commitment: g^k for a nonce k.
        response: k + e r modulo q, where e is the challenge; 0 to q - 1.
    """

    commitment: Element
    response: int

    @classmethod
    def make(
        cls,
        group: Group[Element],
        claim: KnowledgeClaim[Element],
        exponent: int,
        randomness: Randomness = SYSTEM,
    ) -> "KnowledgeProof[Element]":
        """Prove knowledge of an exponent; run by the client that encrypted with it.

        Args:
            group: where the claim's element lives.
            claim: what is claimed; of a false claim a proof comes out that does not verify.
            exponent: r.
            randomness: where the nonce, fresh for every proof, comes from.

        Guarantees: says nothing of r (in the random oracle model).
        """
        nonce = group.random_exponent(randomness)
        commitment = group.generator_power(nonce)
        found = _challenge(group, claim, commitment)
        return cls(commitment, (nonce + found * exponent) % group.order)

    def to_bytes(self, group: Group[Element]) -> bytes:
        """Return `knowledge_proof_bytes(group)` bytes."""
        return group.encode(self.commitment) + group.exponents.encode(self.response)


def knowledge_proof_bytes(group: Group[Element]) -> int:
    """Return the length of an encoded `KnowledgeProof`."""
    return group.element_bytes + group.exponents.element_bytes


def decode_knowledge_proofs(
    data: bytes, group: Group[Element], count: int
) -> tuple[KnowledgeProof[Element], ...]:
    """Read `count` proofs, one after the other.

    Raises:
        DecodingError: for another length, what is no element, or a response of q or more.
    """
    size = knowledge_proof_bytes(group)
    if len(data) != count * size:
        raise DecodingError(f"{count} proofs have {count * size} bytes, not {len(data)}")
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    return tuple(
        KnowledgeProof(
            group.decode(part[: group.element_bytes]),
            group.exponents.decode(part[group.element_bytes :]),
        )
        for part in parts
    )


def verify_knowledge_proofs(
    group: Group[Element],
    claims: Sequence[KnowledgeClaim[Element]],
    proofs: Sequence[KnowledgeProof[Element]],
    randomness: Randomness = SYSTEM,
) -> None:
    """Check proofs, all at once: g^(sum of w s) against the product of (R c1^e)^w; anybody can.

    Args:
        group: where all elements live; that they do is for the caller to check.
        claims: what is claimed.
        proofs: a proof for each.
        randomness: where the weights come from.

    Raises:
        ProofError: if one of them does not prove its claim.
    """
    total, factors = 0, []
    for claim, proof in zip(claims, proofs, strict=True):
        weight = 1 + uniform_below((1 << _WEIGHT_BITS) - 1, randomness)
        total += weight * proof.response
        found = _challenge(group, claim, proof.commitment)
        factors += [(proof.commitment, weight), (claim.element, weight * found)]
    if group.generator_power(total) != group.multi_power(factors):
        raise ProofError("a proof of what was encrypted does not verify")


def _challenge(group: Group[Element], claim: KnowledgeClaim[Element], commitment: Element) -> int:
    return challenge("knowledge", group, claim.context, (claim.element, commitment))
