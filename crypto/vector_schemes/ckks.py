"""CKKS by TenSEAL: thousands of values a ciphertext, sums that are right but for a small error.

TenSEAL (Microsoft SEAL) is no requirement of this library: it is imported when a key is made or
read, and not before. Sums come out exactly, because plans whose error could reach 1/2 are refused
and decrypted numbers are rounded. Rounding is also what makes it safe to pass them on: the errors
of CKKS, published, give the secret key away (Li, Micciancio 2021).

Parameters: ring dimension 4096, a modulus of 54 + 54 bits, below the 109 that the homomorphic
encryption standard (2018) allows for 128 bits of strength; one of the two primes is SEAL's special
prime. At scale 2^26 a fresh error is below 2^-13 (measured, largest of 10,000: 7e-5).

Source: Cheon, Kim, Kim, Song 2017.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from crypto.encoding.residues import IntegerVector
from crypto.errors import CapacityError, DecodingError, ParameterError
from crypto.randomness import SYSTEM, Randomness
from crypto.vector_schemes.scheme import (
    EncryptedVector,
    PrivateVectorKey,
    PublicVectorKey,
    VectorPlan,
)
from crypto.vector_schemes.scheme import VectorScheme as Scheme
from crypto.wire import Reader, Writer

DEGREE: Final = 4096
MODULUS_BITS: Final = (54, 54)
SCALE: Final = 2.0**26
SLOTS: Final = DEGREE // 2
MAX_SUM: Final = 2**25
"""Sums times the scale must stay below the modulus: 2 bits are left."""

MAX_ADDENDS: Final = 256
"""So that errors, even if they all had one sign and five times the size seen, stay below 1/8."""

_CHUNK_BYTES: Final = 2 * DEGREE * 8 + 1024
_LARGEST_ERROR: Final = 0.25


def load_tenseal() -> Any:
    """Import TenSEAL.

    Raises:
        ParameterError: if it is not installed.
    """
    try:
        return importlib.import_module("tenseal")
    except ImportError as error:
        raise ParameterError(
            "the scheme CKKS needs the package tenseal, which is not installed: pip install tenseal"
        ) from error


class CkksScheme(Scheme):
    """CKKS for sums. All randomness is SEAL's own, from the operating system.

    Raises:
        ParameterError: if TenSEAL is not installed.
    """

    name = f"CKKS {DEGREE}"
    security_bits = 128
    max_sum = MAX_SUM
    max_error = 0.125

    def __init__(self) -> None:
        self._tenseal = load_tenseal()

    def generate(self, randomness: Randomness = SYSTEM) -> "CkksPrivateKey":  # noqa: ARG002
        """Make a key pair."""
        tenseal = self._tenseal
        context = tenseal.context(
            tenseal.SCHEME_TYPE.CKKS,
            poly_modulus_degree=DEGREE,
            coeff_mod_bit_sizes=list(MODULUS_BITS),
        )
        context.global_scale = SCALE
        return CkksPrivateKey(context)

    def read_key(self, data: bytes) -> "CkksKey":
        """Read what TenSEAL serialised; refuse other parameters than ours, and secret keys."""
        key = CkksKey(data)
        try:
            context = key.context
            levels = context.seal_context().data
            whole, first = levels.key_context_data(), levels.first_context_data()
            sizes = whole.total_coeff_modulus_bit_count(), first.total_coeff_modulus_bit_count()
            found = whole.parms().poly_modulus_degree(), sizes, context.global_scale
        except (ValueError, RuntimeError) as error:
            raise DecodingError(f"not a key of TenSEAL: {error}") from error
        if (
            found != (DEGREE, (sum(MODULUS_BITS), MODULUS_BITS[0]), SCALE)
            or context.has_secret_key()
        ):
            raise DecodingError("a key of other parameters, or a secret one")
        return key


@dataclass(frozen=True)
class CkksKey(PublicVectorKey):
    """A public key.

    Attributes:
        data: as TenSEAL serialised it.
    """

    data: bytes = field(repr=False)

    def to_bytes(self) -> bytes:
        """Return TenSEAL's serialisation."""
        return self.data

    @cached_property
    def context(self) -> Any:
        """TenSEAL's object."""
        return load_tenseal().context_from(self.data)

    def check_plan(self, plan: VectorPlan) -> None:
        """Refuse sums beyond the modulus, and so many addends that errors could add up to 1/8."""
        if plan.max_sum > MAX_SUM or plan.max_addends > MAX_ADDENDS:
            raise CapacityError(
                f"sums up to {plan.max_sum} of {plan.max_addends} addends; {MAX_SUM} and "
                f"{MAX_ADDENDS} come out exactly"
            )

    def plan_bytes(self, plan: VectorPlan) -> int:
        """Return an upper bound; SEAL compresses what it writes a little."""
        return 4 + _chunks(plan) * (4 + _CHUNK_BYTES)

    def _encrypt(self, vector: IntegerVector, plan: VectorPlan, randomness: Randomness) -> bytes:  # noqa: ARG002
        encrypt = load_tenseal().ckks_vector
        starts = range(0, plan.length, SLOTS)
        chunks = [vector[i : i + SLOTS].astype(np.float64).tolist() for i in starts]
        return _join([encrypt(self.context, chunk).serialize() for chunk in chunks])

    def _add(self, ciphertexts: Sequence[bytes], plan: VectorPlan) -> bytes:
        first, *others = (self.read(data, plan) for data in ciphertexts)
        for other in others:
            for total, chunk in zip(first, other, strict=True):
                total.add_(chunk)
        return _join([total.serialize() for total in first])

    def _check(self, ciphertexts: bytes, plan: VectorPlan) -> None:
        self.read(ciphertexts, plan)

    def read(self, ciphertexts: bytes, plan: VectorPlan, context: Any = None) -> list[Any]:
        """Read ciphertexts, for the key holder in its own context.

        Raises:
            DecodingError: for what SEAL does not accept, and for other lengths and scales.
        """
        load, chunks = load_tenseal().ckks_vector_from, []
        context = self.context if context is None else context
        try:
            for number, data in enumerate(_split(ciphertexts, _chunks(plan))):
                chunk = load(context, data)
                length = min(SLOTS, plan.length - number * SLOTS)
                (part,) = chunk.ciphertext()
                if chunk.shape != [length] or part.scale != SCALE or part.is_transparent():
                    raise DecodingError("a CKKS ciphertext of another form")
                chunks.append(chunk)
        except (ValueError, RuntimeError) as error:
            raise DecodingError(f"not CKKS ciphertexts: {error}") from error
        return chunks


@dataclass(frozen=True)
class CkksPrivateKey(PrivateVectorKey):
    """A key pair.

    Attributes:
        context: TenSEAL's object, kept out of the repr.
    """

    context: Any = field(repr=False)

    @cached_property
    def public_key(self) -> CkksKey:
        """The public half."""
        data = self.context.serialize(
            save_public_key=True,
            save_secret_key=False,
            save_galois_keys=False,
            save_relin_keys=False,
        )
        return CkksKey(data)

    def _decrypt(self, vector: EncryptedVector) -> NDArray[np.int64]:
        chunks = self.public_key.read(vector.ciphertexts, vector.plan, self.context)
        values = np.array([value for chunk in chunks for value in chunk.decrypt()], np.float64)
        rounded = np.rint(values)
        if np.any(~(np.abs(values - rounded) < _LARGEST_ERROR)):
            raise DecodingError("a ciphertext holds no integers")
        return rounded.astype(np.int64)


def _chunks(plan: VectorPlan) -> int:
    return -(-plan.length // SLOTS)


def _join(chunks: Sequence[bytes]) -> bytes:
    writer = Writer()
    writer.uint(len(chunks), 4)
    for chunk in chunks:
        writer.sized(chunk)
    return writer.to_bytes()


def _split(data: bytes, count: int) -> tuple[bytes, ...]:
    """Read what `_join` wrote of a known number of chunks."""
    reader = Reader(data)
    chunks = reader.several(4, reader.sized)
    reader.finish()
    if len(chunks) != count or any(len(chunk) > _CHUNK_BYTES for chunk in chunks):
        raise DecodingError(f"{len(chunks)} chunks, not {count}")
    return chunks
