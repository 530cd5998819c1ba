"""BFV: thousands of integers a ciphertext, sums that are exact.

A ciphertext holds twice as many values as one of CKKS of the same length, and there is nothing to
round. The plaintext modulus t is a prime of 26 bits with t = 1 mod 8192, so that values lie in
slots. An addend's noise is at most 2 n B + B = 2^17.3 for ring dimension n = 4096 and errors up to
B = 19.2, SEAL's largest; a sum decrypts while its noise is below q / 2t = 2^27, so that 512 addends
are right with certainty.

Source: Brakerski 2012; Fan, Vercauteren 2012.
"""

from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from crypto.encoding.residues import IntegerVector
from crypto.vector_schemes.seal import DEGREE, MODULUS_BITS, SealKey, SealScheme

PLAIN_MODULUS: Final = 67_084_289
MAX_SUM: Final = PLAIN_MODULUS - 1
MAX_ADDENDS: Final = 512


class BfvKey(SealKey):
    """A public key of BFV."""

    SLOTS: ClassVar[int] = DEGREE
    MAX_SUM: ClassVar[int] = MAX_SUM
    MAX_ADDENDS: ClassVar[int] = MAX_ADDENDS

    @staticmethod
    def new_context(tenseal: Any) -> Any:
        """Make TenSEAL's object with a new key pair."""
        return tenseal.context(
            tenseal.SCHEME_TYPE.BFV,
            poly_modulus_degree=DEGREE,
            plain_modulus=PLAIN_MODULUS,
            coeff_mod_bit_sizes=list(MODULUS_BITS),
        )

    @staticmethod
    def encrypt_chunk(tenseal: Any, context: Any, values: IntegerVector) -> Any:
        """Make TenSEAL's vector."""
        return tenseal.bfv_vector(context, values.tolist())

    @staticmethod
    def load_chunk(tenseal: Any, context: Any, data: bytes) -> Any:
        """Read TenSEAL's vector."""
        return tenseal.bfv_vector_from(context, data)

    @classmethod
    def decrypt_chunk(cls, chunk: Any) -> NDArray[np.int64]:
        """Return the values, which TenSEAL gives as residues around 0."""
        return np.array(chunk.decrypt(), np.int64) % PLAIN_MODULUS


class BfvScheme(SealScheme):
    """BFV for sums."""

    KEY = BfvKey
    name = f"BFV {DEGREE}"
    max_sum = MAX_SUM
