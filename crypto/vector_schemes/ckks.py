"""CKKS: thousands of values a ciphertext, sums that are right but for a small error.

Sums come out exactly, because plans whose error could reach 1/2 are refused and decrypted numbers
are rounded. Rounding is also what makes it safe to pass them on: the errors of CKKS, published,
give the secret key away (Li, Micciancio 2021). At scale 2^26 a fresh error is below 2^-13
(measured, largest of 10,000: 7e-5).

Source: Cheon, Kim, Kim, Song 2017.
"""

from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from crypto.encoding.residues import IntegerVector
from crypto.errors import DecodingError
from crypto.vector_schemes.seal import DEGREE, MODULUS_BITS, SealKey, SealScheme

SCALE: Final = 2.0**26
SLOTS: Final = DEGREE // 2
MAX_SUM: Final = 2**25
"""Sums times the scale must stay below the modulus: 2 bits are left."""

MAX_ADDENDS: Final = 256
"""So that errors, even if they all had one sign and five times the size seen, stay below 1/8."""

_LARGEST_ERROR: Final = 0.25


class CkksKey(SealKey):
    """A public key of CKKS."""

    SLOTS: ClassVar[int] = SLOTS
    MAX_SUM: ClassVar[int] = MAX_SUM
    MAX_ADDENDS: ClassVar[int] = MAX_ADDENDS

    @staticmethod
    def new_context(tenseal: Any) -> Any:
        """Make TenSEAL's object with a new key pair."""
        context = tenseal.context(
            tenseal.SCHEME_TYPE.CKKS,
            poly_modulus_degree=DEGREE,
            coeff_mod_bit_sizes=list(MODULUS_BITS),
        )
        context.global_scale = SCALE
        return context

    @classmethod
    def is_alike(cls, one: Any, other: Any) -> bool:
        """Tell whether two of TenSEAL's objects have the same parameters, and scale."""
        return super().is_alike(one, other) and one.global_scale == other.global_scale

    @staticmethod
    def encrypt_chunk(tenseal: Any, context: Any, values: IntegerVector) -> Any:
        """Make TenSEAL's vector."""
        return tenseal.ckks_vector(context, values.astype(np.float64).tolist())

    @staticmethod
    def load_chunk(tenseal: Any, context: Any, data: bytes) -> Any:
        """Read TenSEAL's vector."""
        return tenseal.ckks_vector_from(context, data)

    @classmethod
    def decrypt_chunk(cls, chunk: Any) -> NDArray[np.int64]:
        """Return the integers that the values are near."""
        values = np.array(chunk.decrypt(), np.float64)
        rounded = np.rint(values)
        if np.any(~(np.abs(values - rounded) < _LARGEST_ERROR)):
            raise DecodingError("a ciphertext holds no integers")
        return rounded.astype(np.int64)

    def _has_form(self, part: Any) -> bool:
        return bool(part.scale == SCALE)


class CkksScheme(SealScheme):
    """CKKS for sums."""

    KEY = CkksKey
    name = f"CKKS {DEGREE}"
    max_sum = MAX_SUM
    max_error = 0.125
