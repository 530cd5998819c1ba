"""Proof that a client knows what its Paillier ciphertext holds: it made it, and from no others.

A ciphertext is c = (1 + n)^m r^n modulo n^2. The prover commits to a = (1 + n)^x s^n, gets a
challenge e, and answers z = x + e m modulo n and w = s r^e modulo n. Then (1 + n)^z w^n = a c^e.
The challenge has 128 bits and is so below both prime factors of n: of two answers to one commitment
follow m and r.

Many proofs are checked at once, each raised to a weight that nobody knew when it was made. An
equation that is false by a factor whose order divides its weight would pass. Only -1 is such a
factor that can be found without the factors of n, and as -1 = (-1)^n, it means that -w is right.

Sources: Cramer, Damgard, Nielsen 2001, section 6.2 ("proof of plaintext knowledge"); Bellare,
Garay, Rabin 1998 for the weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import gmpy2

from crypto.domain import domain_hash
from crypto.errors import DecodingError, ProofError
from crypto.paillier.phe_keys import PaillierPublicKey
from crypto.randomness import SYSTEM, Randomness, uniform_below

_CHALLENGE_BYTES: Final = 16
_WEIGHT_BITS: Final = 64
"""A false proof passes a check of many with probability 2^-64; no second try is given."""


@dataclass(frozen=True)
class PlaintextProof:
    """A proof of knowledge of what one ciphertext holds.

    Attributes:
        commitment: a, 1 to n^2 - 1.
        value: z, 0 to n - 1.
        root: w, 1 to n - 1.
    """

    commitment: int
    value: int = field(repr=False)
    root: int = field(repr=False)

    @classmethod
    def make(
        cls,
        key: PaillierPublicKey,
        ciphertext: int,
        value: int,
        randomiser: int,
        context: bytes,
        randomness: Randomness = SYSTEM,
    ) -> "PlaintextProof":
        """Prove knowledge of a plaintext; run by the client that encrypted it.

        Args:
            key: the public key.
            ciphertext: c.
            value: m.
            randomiser: r.
            context: what the proof is bound to.
            randomness: where the nonces, fresh for every proof, come from.

        Guarantees: says nothing of m or r (in the random oracle model).
        """
        n = gmpy2.mpz(key.n)
        nonce, mask = uniform_below(key.n, randomness), key.random_unit(randomness)
        commitment = (1 + nonce * n) * gmpy2.powmod(mask, n, n * n) % (n * n)
        found = _challenge(key, ciphertext, int(commitment), context)
        answer = (nonce + found * value) % n
        root = mask * gmpy2.powmod(randomiser, found, n) % n
        return cls(int(commitment), int(answer), int(root))

    def to_bytes(self, key: PaillierPublicKey) -> bytes:
        """Return `plaintext_proof_bytes(key)` bytes."""
        size = _modulus_bytes(key)
        numbers = self.value.to_bytes(size, "little") + self.root.to_bytes(size, "little")
        return key.encode(self.commitment) + numbers


def plaintext_proof_bytes(key: PaillierPublicKey) -> int:
    """Return the length of an encoded `PlaintextProof`."""
    return key.ciphertext_bytes + 2 * _modulus_bytes(key)


def decode_plaintext_proofs(
    data: bytes, key: PaillierPublicKey, count: int
) -> tuple[PlaintextProof, ...]:
    """Read `count` proofs, one after the other.

    Raises:
        DecodingError: for another length, or numbers out of range or without an inverse.
    """
    size = plaintext_proof_bytes(key)
    if len(data) != count * size:
        raise DecodingError(f"{count} proofs have {count * size} bytes, not {len(data)}")
    return tuple(_decode(data[start : start + size], key) for start in range(0, len(data), size))


@dataclass(frozen=True)
class PlaintextClaim:
    """Somebody knows what `ciphertext` holds, in `context`."""

    ciphertext: int
    context: bytes


def verify_plaintext_proofs(
    key: PaillierPublicKey,
    claims: Sequence[PlaintextClaim],
    proofs: Sequence[PlaintextProof],
    randomness: Randomness = SYSTEM,
) -> None:
    """Check proofs, all at once; anybody can.

    Args:
        key: the public key.
        claims: what is claimed.
        proofs: a proof for each.
        randomness: where the weights come from.

    Raises:
        ProofError: if one of them does not prove its claim.
    """
    n = gmpy2.mpz(key.n)
    square = n * n
    total, root, product = gmpy2.mpz(0), gmpy2.mpz(1), gmpy2.mpz(1)
    for claim, proof in zip(claims, proofs, strict=True):
        weight = 1 + uniform_below((1 << _WEIGHT_BITS) - 1, randomness)
        found = _challenge(key, claim.ciphertext, proof.commitment, claim.context)
        total += weight * proof.value
        root = root * gmpy2.powmod(proof.root, weight, n) % n
        joined = proof.commitment * gmpy2.powmod(claim.ciphertext, found, square) % square
        product = product * gmpy2.powmod(joined, weight, square) % square
    if (1 + total % n * n) * gmpy2.powmod(root, n, square) % square != product:
        raise ProofError("a proof of what was encrypted does not verify")


def _challenge(key: PaillierPublicKey, ciphertext: int, commitment: int, context: bytes) -> int:
    modulus = key.n.to_bytes(_modulus_bytes(key), "little")
    numbers = key.encode(ciphertext), key.encode(commitment)
    digest = domain_hash("proofs/plaintext", modulus, context, *numbers)
    return int.from_bytes(digest[:_CHALLENGE_BYTES], "little")


def _decode(data: bytes, key: PaillierPublicKey) -> PlaintextProof:
    commitment = key.decode(data[: key.ciphertext_bytes])
    size = _modulus_bytes(key)
    value = int.from_bytes(data[-2 * size : -size], "little")
    root = int.from_bytes(data[-size:], "little")
    if value >= key.n or not 0 < root < key.n or gmpy2.gcd(root, key.n) != 1:
        raise DecodingError("not a proof of what was encrypted")
    return PlaintextProof(commitment, value, root)


def _modulus_bytes(key: PaillierPublicKey) -> int:
    return (key.bits + 7) // 8
