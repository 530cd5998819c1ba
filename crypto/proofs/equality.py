"""Proof that one secret exponent stands behind several powers.

A client shows that the exponent that made its verification key g^(s_i) made its partial
decryptions c1^(s_i) as well, for any number of ciphertexts with one proof: they are first joined
with weights that the prover cannot choose.

Sources: Chaum and Pedersen, "Wallet databases with observers", 1992; for many powers at once
Bellare, Garay, Rabin, "Fast batch verification", 1998.
"""

from dataclasses import dataclass
from typing import Generic

from crypto.errors import DecodingError, ParameterError, ProofError
from crypto.groups.base import Element, Group
from crypto.proofs.fiat_shamir import CHALLENGE_BYTES, challenge
from crypto.randomness import SYSTEM, Randomness


@dataclass(frozen=True)
class PowerStatement(Generic[Element]):
    """There is an s with key = g^s and powers_k = bases_k^s for every k.

    Attributes:
        group: where all elements live; that they do is for the caller to check.
        key: g^s.
        bases: any number of elements, one at least.
        powers: as many.

    Raises:
        ParameterError: if there are no bases, or not as many powers.
    """

    group: Group[Element]
    key: Element
    bases: tuple[Element, ...]
    powers: tuple[Element, ...]

    def __post_init__(self) -> None:
        if not self.bases or len(self.bases) != len(self.powers):
            raise ParameterError(f"{len(self.bases)} bases and {len(self.powers)} powers")

    def joined(self, context: bytes) -> tuple[Element, Element]:
        """Return one base and one power, the weighted products of all."""
        if len(self.bases) == 1:
            return self.bases[0], self.powers[0]
        elements = (self.key, *self.bases, *self.powers)
        seed = challenge("equality/weights", self.group, context, elements, (len(self.bases),))
        weights = [
            challenge("equality/weight", self.group, context, (), (seed >> 64, seed % 2**64, index))
            for index in range(len(self.bases))
        ]
        return (
            self.group.multi_power(zip(self.bases, weights, strict=True)),
            self.group.multi_power(zip(self.powers, weights, strict=True)),
        )


@dataclass(frozen=True)
class PowerProof:
    """A proof of a `PowerStatement`.

    Attributes:
        challenge: 0 to 2^128 - 1.
        response: 0 to q - 1.
    """

    challenge: int
    response: int

    @classmethod
    def make(
        cls,
        statement: PowerStatement[Element],
        secret: int,
        context: bytes,
        randomness: Randomness = SYSTEM,
    ) -> "PowerProof":
        """Prove a statement; run by the client that knows the exponent.

        Args:
            statement: what is claimed; of a false claim a proof comes out that does not verify.
            secret: s.
            context: what the proof is bound to.
            randomness: where the nonce, fresh for every proof, comes from.

        Guarantees: says nothing of s but that the statement is true (in the random oracle model).
        """
        group = statement.group
        base, power = statement.joined(context)
        nonce = group.random_exponent(randomness)
        commitments = group.generator_power(nonce), group.power(base, nonce)
        found = challenge("equality", group, context, (statement.key, base, power, *commitments))
        return cls(found, (nonce + found * secret) % group.order)

    def verify(self, statement: PowerStatement[Element], context: bytes) -> None:
        """Check the proof; anybody can.

        Raises:
            ProofError: if it is no proof of this statement in this context.
        """
        group = statement.group
        base, power = statement.joined(context)
        inverse_key, inverse_power = group.invert(statement.key), group.invert(power)
        commitments = (
            group.multi_power([(group.generator, self.response), (inverse_key, self.challenge)]),
            group.multi_power([(base, self.response), (inverse_power, self.challenge)]),
        )
        expected = challenge("equality", group, context, (statement.key, base, power, *commitments))
        if expected != self.challenge:
            raise ProofError("a proof of equal exponents does not verify")

    def to_bytes(self, group: Group[Element]) -> bytes:
        """Return `power_proof_bytes(group)` bytes."""
        head = self.challenge.to_bytes(CHALLENGE_BYTES, "little")
        return head + group.exponents.encode(self.response)

    @classmethod
    def from_bytes(cls, data: bytes, group: Group[Element]) -> "PowerProof":
        """Read what `to_bytes` wrote.

        Raises:
            DecodingError: for a wrong length or a response of q or more.
        """
        if len(data) != power_proof_bytes(group):
            raise DecodingError(f"a proof has {power_proof_bytes(group)} bytes, not {len(data)}")
        head = int.from_bytes(data[:CHALLENGE_BYTES], "little")
        return cls(head, group.exponents.decode(data[CHALLENGE_BYTES:]))


def power_proof_bytes(group: Group[Element]) -> int:
    """Return the length of an encoded `PowerProof`."""
    return CHALLENGE_BYTES + group.exponents.element_bytes
