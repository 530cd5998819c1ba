"""Microsoft SEAL's schemes by TenSEAL: thousands of values a ciphertext.

TenSEAL is no requirement of this library: it is imported when a key is made or read, and not
before. All randomness is SEAL's own, from the operating system.

Ring: dimension 4096, a modulus of 54 + 54 bits, below the 109 that the homomorphic encryption
standard (2018) allows for 128 bits of strength; one of the two primes is SEAL's special prime.
"""

import importlib
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Final

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
    VectorScheme,
)
from crypto.wire import Reader, Writer

DEGREE: Final = 4096
MODULUS_BITS: Final = (54, 54)
_CHUNK_BYTES: Final = 2 * DEGREE * 8 + 1024


def load_tenseal() -> Any:
    """Import TenSEAL.

    Raises:
        ParameterError: if it is not installed.
    """
    try:
        return importlib.import_module("tenseal")
    except ImportError as error:
        raise ParameterError(
            "the schemes CKKS and BFV need the package tenseal, which is not installed: "
            "pip install tenseal"
        ) from error


@dataclass(frozen=True)
class SealKey(PublicVectorKey):
    """A public key.

    Attributes:
        data: as TenSEAL serialised it.
        SLOTS: values in a ciphertext.
        MAX_SUM: the largest sum that comes out exactly.
        MAX_ADDENDS: the most vectors in a sum.
    """

    SLOTS: ClassVar[int]
    MAX_SUM: ClassVar[int]
    MAX_ADDENDS: ClassVar[int]
    data: bytes = field(repr=False)

    @staticmethod
    @abstractmethod
    def new_context(tenseal: Any) -> Any:
        """Make TenSEAL's object with a new key pair."""

    @staticmethod
    @abstractmethod
    def encrypt_chunk(tenseal: Any, context: Any, values: IntegerVector) -> Any:
        """Make TenSEAL's vector of at most `SLOTS` values."""

    @staticmethod
    @abstractmethod
    def load_chunk(tenseal: Any, context: Any, data: bytes) -> Any:
        """Read TenSEAL's vector; what it cannot read is a ValueError or a RuntimeError."""

    @classmethod
    @abstractmethod
    def decrypt_chunk(cls, chunk: Any) -> NDArray[np.int64]:
        """Return the values of TenSEAL's vector.

        Raises:
            DecodingError: if they are no integers.
        """

    @classmethod
    def is_alike(cls, one: Any, other: Any) -> bool:
        """Tell whether two of TenSEAL's objects have the same parameters."""
        first, second = (context.seal_context().data.key_parms_id() for context in (one, other))
        return bool(first == second)

    def to_bytes(self) -> bytes:
        """Return TenSEAL's serialisation."""
        return self.data

    @cached_property
    def context(self) -> Any:
        """TenSEAL's object."""
        return load_tenseal().context_from(self.data)

    def check_plan(self, plan: VectorPlan) -> None:
        """Refuse sums and numbers of addends that might not come out exactly."""
        if plan.max_sum > self.MAX_SUM or plan.max_addends > self.MAX_ADDENDS:
            raise CapacityError(
                f"sums up to {plan.max_sum} of {plan.max_addends} addends; {self.MAX_SUM} and "
                f"{self.MAX_ADDENDS} come out exactly"
            )

    def plan_bytes(self, plan: VectorPlan) -> int:
        """Return an upper bound; SEAL compresses what it writes a little."""
        return 4 + self._chunks(plan) * (4 + _CHUNK_BYTES)

    def _encrypt(self, vector: IntegerVector, plan: VectorPlan, randomness: Randomness) -> bytes:  # noqa: ARG002
        tenseal, starts = load_tenseal(), range(0, plan.length, self.SLOTS)
        chunks = (
            self.encrypt_chunk(tenseal, self.context, vector[i : i + self.SLOTS]) for i in starts
        )
        return _join([chunk.serialize() for chunk in chunks])

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
            DecodingError: for what SEAL does not accept, and for other lengths and forms.
        """
        tenseal, chunks = load_tenseal(), []
        context = self.context if context is None else context
        try:
            for number, data in enumerate(_split(ciphertexts, self._chunks(plan))):
                chunk = self.load_chunk(tenseal, context, data)
                (part,) = chunk.ciphertext()
                length = min(self.SLOTS, plan.length - number * self.SLOTS)
                if chunk.size() != length or part.is_transparent() or not self._has_form(part):
                    raise DecodingError("a ciphertext of another form")
                chunks.append(chunk)
        except (ValueError, RuntimeError) as error:
            raise DecodingError(f"not ciphertexts of TenSEAL: {error}") from error
        return chunks

    def _has_form(self, part: Any) -> bool:  # noqa: ARG002
        """Tell whether one of SEAL's ciphertexts is as this scheme makes them."""
        return True

    def _chunks(self, plan: VectorPlan) -> int:
        return -(-plan.length // self.SLOTS)


@dataclass(frozen=True)
class SealPrivateKey(PrivateVectorKey):
    """A key pair.

    Attributes:
        context: TenSEAL's object, kept out of the repr.
        kind: of its public half.
    """

    context: Any = field(repr=False)
    kind: type[SealKey]

    @cached_property
    def public_key(self) -> SealKey:
        """The public half."""
        data = self.context.serialize(
            save_public_key=True,
            save_secret_key=False,
            save_galois_keys=False,
            save_relin_keys=False,
        )
        return self.kind(data)

    def _decrypt(self, vector: EncryptedVector) -> NDArray[np.int64]:
        chunks = self.public_key.read(vector.ciphertexts, vector.plan, self.context)
        return np.concatenate([np.zeros(0, np.int64), *map(self.kind.decrypt_chunk, chunks)])


class SealScheme(VectorScheme):
    """One of SEAL's schemes.

    Raises:
        ParameterError: if TenSEAL is not installed.

    Attributes:
        KEY: what its public keys are.
    """

    KEY: ClassVar[type[SealKey]]
    security_bits = 128

    def __init__(self) -> None:
        self._tenseal = load_tenseal()

    def generate(self, randomness: Randomness = SYSTEM) -> SealPrivateKey:  # noqa: ARG002
        """Make a key pair."""
        return SealPrivateKey(self.KEY.new_context(self._tenseal), self.KEY)

    @cached_property
    def _example(self) -> Any:
        return self.KEY.new_context(self._tenseal)

    def read_key(self, data: bytes) -> SealKey:
        """Read what TenSEAL serialised; refuse other parameters than ours, and secret keys."""
        key = self.KEY(data)
        try:
            context = key.context
            is_ours = self.KEY.is_alike(context, self._example) and context.has_public_key()
        except (ValueError, RuntimeError) as error:
            raise DecodingError(f"not a key of TenSEAL: {error}") from error
        if not is_ours or context.has_secret_key():
            raise DecodingError("a key of other parameters, or a secret one")
        return key


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
