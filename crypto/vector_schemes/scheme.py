"""One interface for all schemes that add encrypted vectors of integers.

A scheme makes key pairs; clients encrypt under the public key, the server adds, the key holder
decrypts. `crypto/vector_schemes/` has the schemes.

Laws, for vectors of a `VectorPlan`, and as many of them as it allows:
  sums       decrypt(add([encrypt(x_1), ..., encrypt(x_a)])) = x_1 + ... + x_a
  lengths    an encrypted vector has `plan_bytes(plan)` bytes of ciphertexts, or fewer
  secrecy    encrypting twice gives different bytes
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from crypto.codec import Message, Record
from crypto.codings import Digest, Sized, Uint32, Unsigned
from crypto.domain import domain_hash
from crypto.encoding.residues import IntegerVector, check_range
from crypto.errors import CapacityError, DecodingError, ParameterError
from crypto.primitives.prg import MAX_MODULUS_BITS
from crypto.randomness import SYSTEM, Randomness

MAX_SUM: Final = (1 << MAX_MODULUS_BITS) - 1
"""The largest coordinate of any sum: results are 64-bit integers."""

ENCRYPTED_VECTOR_TYPE: Final = 97
"""Type number on the wire."""


@dataclass(frozen=True)
class VectorPlan(Record):
    """What is to be summed, known to all beforehand.

    Attributes:
        length: m, coordinates of a vector, 0 to 2^32 - 1.
        value_bits: values are 0 to 2^value_bits - 1.
        max_addends: the largest number of vectors in a sum.

    Raises:
        ParameterError: for values out of range.
        CapacityError: if a sum could have more than 62 bits.
    """

    length: Uint32
    value_bits: Annotated[int, Unsigned(1, 1, MAX_MODULUS_BITS)]
    max_addends: Annotated[int, Unsigned(4, least=1)]

    def _check(self) -> None:
        if self.max_sum > MAX_SUM:
            raise CapacityError(
                f"sums over {self.max_addends} values of {self.value_bits} bits may have more "
                f"than {MAX_MODULUS_BITS} bits"
            )

    @property
    def max_value(self) -> int:
        """The largest value of a coordinate."""
        return (1 << self.value_bits) - 1

    @property
    def max_sum(self) -> int:
        """The largest coordinate of a sum."""
        return self.max_addends * self.max_value


@dataclass(frozen=True)
class EncryptedVector(Message):
    """An encrypted vector, or a sum of several; `PublicVectorKey.add` is all its arithmetic.

    Attributes:
        fingerprint: of the public key.
        plan: what it was made for.
        addends: how many vectors are in it, as who made it says.
        ciphertexts: the scheme's own bytes; the key tells whether they can be.
    """

    TYPE: ClassVar[int] = ENCRYPTED_VECTOR_TYPE
    # Arrays are not to take it for a number and work with it element by element.
    __array_ufunc__: ClassVar[None] = None
    fingerprint: Digest
    plan: VectorPlan
    addends: Uint32
    ciphertexts: Sized = field(repr=False)

    def _check(self) -> None:
        if not 1 <= self.addends <= self.plan.max_addends:
            raise CapacityError(f"{self.addends} addends, of {self.plan.max_addends} planned")


class PublicVectorKey(ABC):
    """A public key: what clients and the server have.

    Clients keep it for all their sessions: what encryption computes beforehand stays with it.
    """

    @abstractmethod
    def to_bytes(self) -> bytes:
        """Return the encoding that the scheme's `read_key` reads."""

    @abstractmethod
    def check_plan(self, plan: VectorPlan) -> None:
        """Refuse, before any session, sums that this key cannot hold exactly.

        Raises:
            CapacityError: if there could be such a sum.
        """

    @abstractmethod
    def plan_bytes(self, plan: VectorPlan) -> int:
        """Return the length of the ciphertexts of one vector, for SEAL's schemes an upper bound."""

    @cached_property
    def fingerprint(self) -> bytes:
        """32 bytes that name the key in encrypted vectors."""
        return domain_hash("homomorphic/key", type(self).__name__.encode(), self.to_bytes())

    def encrypt(
        self, vector: IntegerVector, plan: VectorPlan, randomness: Randomness = SYSTEM
    ) -> EncryptedVector:
        """Encrypt a vector; run by a client.

        Args:
            vector: shape (length,), integers of 32 or 64 bits, values 0 to `plan.max_value`.
            plan: of the session.
            randomness: where randomisers come from, in schemes whose library lets us say so.

        Raises:
            ParameterError: for a vector that does not fit the plan.
            CapacityError: for a plan that does not fit the key.
        """
        self.check_plan(plan)
        check_range(vector, plan.length, plan.max_value)
        return EncryptedVector(self.fingerprint, plan, 1, self._encrypt(vector, plan, randomness))

    def prepare(
        self,
        plan: VectorPlan,  # noqa: ARG002
        randomness: Randomness = SYSTEM,  # noqa: ARG002
        *,
        cores: int = 1,  # noqa: ARG002
        clock: Callable[[], float] = time.perf_counter,  # noqa: ARG002
    ) -> float:
        """Compute what the encryption of one vector can do before the vector is there.

        Args:
            plan: of the session.
            randomness: as in `encrypt`.
            cores: in how many processes.
            clock: seconds.

        Returns:
            Seconds that it took, of all processes together; 0 in schemes that do nothing ahead.
        """
        return 0.0

    def add(self, vectors: Sequence[EncryptedVector]) -> EncryptedVector:
        """Return an encryption of the sum of at least one vector; run by the server.

        Raises:
            ParameterError: for none, or vectors of different plans.
            CapacityError: for more addends than planned.
            DecodingError: for vectors under another key, or ciphertexts that are none.
        """
        if not vectors or any(vector.plan != vectors[0].plan for vector in vectors):
            raise ParameterError("a sum needs vectors, all of one plan")
        plan, addends = vectors[0].plan, sum(vector.addends for vector in vectors)
        if addends > plan.max_addends:
            raise CapacityError(f"{addends} addends, of {plan.max_addends} planned")
        for vector in vectors:
            self._check_label(vector)
        total = self._add([vector.ciphertexts for vector in vectors], plan)
        return EncryptedVector(self.fingerprint, plan, addends, total)

    def check(self, vector: EncryptedVector) -> None:
        """Check what came from others.

        Raises:
            DecodingError: for another key, or what are no ciphertexts of it.
        """
        self._check_label(vector)
        self._check(vector.ciphertexts, vector.plan)

    def _check_label(self, vector: EncryptedVector) -> None:
        if vector.fingerprint != self.fingerprint:
            raise DecodingError("a vector that was encrypted under another key")
        try:
            self.check_plan(vector.plan)
        except CapacityError as error:
            raise DecodingError(str(error)) from error

    @abstractmethod
    def _encrypt(self, vector: IntegerVector, plan: VectorPlan, randomness: Randomness) -> bytes:
        """Encrypt a checked vector."""

    @abstractmethod
    def _add(self, ciphertexts: Sequence[bytes], plan: VectorPlan) -> bytes:
        """Check and add; DecodingError for what are no ciphertexts."""

    @abstractmethod
    def _check(self, ciphertexts: bytes, plan: VectorPlan) -> None:
        """DecodingError for what are no ciphertexts."""


class PrivateVectorKey(ABC):
    """A key pair: what the key holder has."""

    @property
    @abstractmethod
    def public_key(self) -> PublicVectorKey:
        """The public half."""

    def decrypt(self, vector: EncryptedVector) -> NDArray[np.int64]:
        """Decrypt a vector or a sum; run by the key holder.

        Returns:
            Shape (length,), int64: the sum over the integers.

        Raises:
            DecodingError: for another key, what are no ciphertexts, or what is no sum of as many
                vectors in range as it says.
        """
        self.public_key.check(vector)
        result = self._decrypt(vector)
        largest = vector.addends * vector.plan.max_value
        if result.size and not 0 <= int(result.min()) <= int(result.max()) <= largest:
            raise DecodingError(f"no sum of {vector.addends} vectors of {vector.plan}")
        return result

    @abstractmethod
    def _decrypt(self, vector: EncryptedVector) -> NDArray[np.int64]:
        """Decrypt a checked vector; DecodingError if it holds no sum."""


class VectorScheme(ABC):
    """A scheme with its parameters.

    Attributes:
        name: for tables and figures.
        security_bits: strength against the best known attacks (NIST SP 800-57; for lattices the
            homomorphic encryption standard of 2018).
        max_sum: the largest coordinate of a sum that comes out exactly; plans that could exceed it
            are refused.
        max_error: bound of the error before rounding; 0 if sums are exact by construction.
    """

    name: str
    security_bits: int
    max_sum: int = MAX_SUM
    max_error: float = 0.0

    @abstractmethod
    def generate(self, randomness: Randomness = SYSTEM) -> PrivateVectorKey:
        """Make a key pair; run by the key holder.

        Args:
            randomness: where it comes from, in schemes whose library lets us say so.
        """

    @abstractmethod
    def read_key(self, data: bytes) -> PublicVectorKey:
        """Read a public key.

        Raises:
            DecodingError: for what is no key of this scheme and strength.
        """
