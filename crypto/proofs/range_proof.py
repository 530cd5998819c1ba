"""Proof that an ElGamal ciphertext holds an integer m with 0 <= m <= M, for a public M.

The prover commits to bits of m, proves of each that it is 0 or 1, and proves that the weighted
product of the commitments holds what the ciphertext holds. The weights are 1, 2, 4 ... and a last
one that makes their sum M: so bits stand for the numbers from 0 to M and no others, whatever M is,
and one proof is enough.

Commitments are Pedersen's, g^b H^r, with an H whose logarithm nobody knows: they cost half as much
as bits encrypted under the public key, and stay sound if clients join to know the system's secret.

Sources: Cramer, Damgard, Schoenmakers 1994 (one of two statements); Lipmaa, Asokan, Niemi 2002
(the weights); Bellare, Garay, Rabin 1998 (all equations checked at once).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Generic

from crypto.elgamal.encryption import Ciphertext, PublicKey
from crypto.errors import ProofError
from crypto.groups.base import Element, FixedBase, Group
from crypto.groups.pedersen import second_generator
from crypto.primitives.field import PrimeField
from crypto.proofs.bits import BitProof, RangeProof, bit_weights, bits_of
from crypto.proofs.fiat_shamir import CHALLENGE_BYTES, CHALLENGES, challenge
from crypto.randomness import SYSTEM, Randomness, uniform_below

_WEIGHT_BITS: Final = 128


def seconds_of_proof(group: Group[Element]) -> float:
    """Return about what making a proof with a dozen bits takes, in any of our groups."""
    return 1.5e-4 * group.element_bytes


class _Range(Generic[Element]):
    """What prover and verifier have in common.

    Args:
        key: the public key that ciphertexts are under.
        maximum: M, 1 to 2^62 - 1.

    Raises:
        ParameterError: for an impossible maximum.
    """

    def __init__(self, key: PublicKey[Element], maximum: int) -> None:
        self._key = key
        self._group = key.group
        self._maximum = maximum
        self._weights = bit_weights(maximum)
        self._second = second_generator(key.group)
        self._second_base: FixedBase[Element] = key.group.fixed_base(self._second)

    def _challenge(
        self,
        ciphertext: Ciphertext[Element],
        bits: Sequence[tuple[Element, Element, Element]],
        nonces: Sequence[Element],
        context: bytes,
    ) -> int:
        statement = (self._key.h, self._second, ciphertext.c1, ciphertext.c2)
        firsts = [element for bit in bits for element in bit]
        return challenge(
            "range", self._group, context, (*statement, *firsts, *nonces), (self._maximum,)
        )


class RangeProver(_Range[Element]):
    """Encrypts numbers and proves their range; run by a client. Arguments as above."""

    def encrypt(
        self, value: int, context: bytes, randomness: Randomness = SYSTEM
    ) -> tuple[Ciphertext[Element], RangeProof[Element]]:
        """Return a ciphertext of `value`, and the proof that it lies in 0..maximum.

        Raises:
            ParameterError: if it does not.

        Guarantees: the proof says nothing of the value beyond that (in the random oracle model).
        """
        bits_of(value, self._maximum)  # refused before anything is drawn
        r = self._group.random_exponent(randomness)
        ciphertext = self._key.encrypt_with(value, r)
        return ciphertext, self.prove(ciphertext, value, r, context, randomness)

    def prove(
        self,
        ciphertext: Ciphertext[Element],
        value: int,
        r: int,
        context: bytes,
        randomness: Randomness = SYSTEM,
    ) -> RangeProof[Element]:
        """Return the proof for a ciphertext that was made of `value` with the exponent `r`.

        Raises:
            ParameterError: if the value is out of range.
        """
        bits = bits_of(value, self._maximum)
        return self._prove(ciphertext, bits, value, r, context, randomness)

    def _prove(
        self,
        ciphertext: Ciphertext[Element],
        bits: Sequence[int],
        value: int,
        r: int,
        context: bytes,
        randomness: Randomness,
    ) -> RangeProof[Element]:
        group, exponents = self._group, self._group.exponents
        drafts = [_BitDraft.begin(bit, group, self._second_base, randomness) for bit in bits]
        masks = [exponents.random(randomness) for _ in range(3)]
        masked_value = group.generator_power(masks[1])
        nonces = (
            group.generator_power(masks[0]),
            group.multiply(masked_value, self._key.base.power(masks[0])),
            group.multiply(masked_value, self._second_base.power(masks[2])),
        )
        firsts = [(draft.commitment, *draft.nonces) for draft in drafts]
        found = self._challenge(ciphertext, firsts, nonces, context)
        pairs = zip(self._weights, drafts, strict=True)
        total = sum(weight * draft.exponent for weight, draft in pairs)
        secrets = r, value, total
        responses = [
            (mask + found * secret) % exponents.modulus
            for mask, secret in zip(masks, secrets, strict=True)
        ]
        return RangeProof(
            tuple(draft.finish(found, exponents) for draft in drafts),
            nonces,
            (responses[0], responses[1], responses[2]),
        )


class RangeVerifier(_Range[Element]):
    """Checks proofs; run by the server, or by anybody. Arguments as above."""

    def verify(
        self,
        ciphertext: Ciphertext[Element],
        proof: RangeProof[Element],
        context: bytes,
        randomness: Randomness = SYSTEM,
    ) -> None:
        """Check that the ciphertext holds a number in 0..maximum.

        All equations are raised to random weights of 128 bits and multiplied: a false one among
        them survives with probability 2^-128.

        Args:
            ciphertext: of elements of the group.
            proof: as decoded.
            context: what the proof is bound to.
            randomness: where the weights come from; the prover must not know them beforehand.

        Raises:
            ProofError: if it is no proof of this ciphertext, maximum, key and context.
        """
        if len(proof.bits) != len(self._weights):
            raise ProofError(f"a proof of {len(proof.bits)} bits, not {len(self._weights)}")
        group = self._group
        firsts = [(bit.commitment, bit.nonce_zero, bit.nonce_one) for bit in proof.bits]
        found = self._challenge(ciphertext, firsts, proof.nonces, context)
        rho = [_random_weight(randomness) for _ in proof.nonces]
        z_r, z_value, z_total = proof.responses
        # g^of_g h^of_h H^of_second on the left, what the proof commits to on the right.
        of_g = rho[0] * z_r + (rho[1] + rho[2]) * z_value
        of_h, of_second = rho[1] * z_r, rho[2] * z_total
        right = [*zip(proof.nonces, rho, strict=True)]
        right += [(ciphertext.c1, rho[0] * found), (ciphertext.c2, rho[1] * found)]
        for weight, bit in zip(self._weights, proof.bits, strict=True):
            zero, one = _random_weight(randomness), _random_weight(randomness)
            challenge_one = (found - bit.challenge_zero) % CHALLENGES
            of_g += one * challenge_one
            of_second += zero * bit.response_zero + one * bit.response_one
            of_commitment = zero * bit.challenge_zero + one * challenge_one
            of_commitment += rho[2] * found * weight
            right += [(bit.commitment, of_commitment)]
            right += [(bit.nonce_zero, zero), (bit.nonce_one, one)]
        left = group.generator_power(of_g), self._key.base.power(of_h)
        if group.product([*left, self._second_base.power(of_second)]) != group.multi_power(right):
            raise ProofError(f"a value is not shown to lie in 0..{self._maximum}")


@dataclass(frozen=True)
class _BitDraft(Generic[Element]):
    """A bit's proof before the challenge: one half can answer any, the other has answered its own.

    Attributes:
        bit: 0 or 1.
        exponent: r in C = g^bit H^r.
        commitment: C.
        nonces: first messages for 0 and for 1.
        nonce: exponent of the true half's first message.
        other_challenge: what the other half answers.
        other_response: its answer.
    """

    bit: int = field(repr=False)
    exponent: int = field(repr=False)
    commitment: Element
    nonces: tuple[Element, Element]
    nonce: int = field(repr=False)
    other_challenge: int = field(repr=False)
    other_response: int = field(repr=False)

    @classmethod
    def begin(
        cls, bit: int, group: Group[Element], second: FixedBase[Element], randomness: Randomness
    ) -> "_BitDraft[Element]":
        exponents = group.exponents
        r, nonce, other = (exponents.random(randomness) for _ in range(3))
        other_challenge = uniform_below(CHALLENGES, randomness)
        commitment = _commit_to_bit(bit, second.power(r), group)
        # H^z = A (C / g^claim)^e, solved for A: since C / g^claim = g^(bit - claim) H^r.
        true_nonce = second.power(nonce)
        to_challenge = group.short_generator_power(
            other_challenge, 8 * CHALLENGE_BYTES, invert=bit == 1
        )
        other_nonce = group.multiply(to_challenge, second.power(other))
        nonces = (true_nonce, other_nonce) if bit == 0 else (other_nonce, true_nonce)
        response = (other + other_challenge * r) % exponents.modulus
        return cls(bit, r, commitment, nonces, nonce, other_challenge, response)

    def finish(self, found: int, exponents: PrimeField) -> BitProof[Element]:
        true_challenge = (found - self.other_challenge) % CHALLENGES
        true_response = (self.nonce + true_challenge * self.exponent) % exponents.modulus
        if self.bit == 0:
            halves = true_challenge, true_response, self.other_response
        else:
            halves = self.other_challenge, self.other_response, true_response
        return BitProof(self.commitment, *self.nonces, *halves)


def _commit_to_bit(bit: int, to_zero: Element, group: Group[Element]) -> Element:
    """Return a commitment to 0, or that times g; both are computed, whatever the bit."""
    return (to_zero, group.multiply_by_generator(to_zero))[bit]


def _random_weight(randomness: Randomness) -> int:
    return 1 + uniform_below((1 << _WEIGHT_BITS) - 1, randomness)
