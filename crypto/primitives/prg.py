"""The pseudo-random generator behind every mask: AES-256 in counter mode, keyed by a seed.

A mask over Z_{2^k} takes the lowest k bits of one keystream word per coordinate. Since 2^k divides
2^32 and 2^64, it is exactly as uniform as the keystream; nothing is rejected or reduced.

Source: NIST SP 800-38A (CTR), FIPS 197 (AES).
"""

from typing import Any, Final, TypeAlias

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from numpy.typing import NDArray

from crypto.errors import ParameterError

SEED_BYTES: Final = 32
MAX_MODULUS_BITS: Final = 62

Words: TypeAlias = NDArray[np.unsignedinteger[Any]]


class Keystream:
    """The keystream of one seed, read from its start.

    Args:
        seed: 32 uniform secret bytes, used for one mask only.

    Raises:
        ParameterError: if `seed` is not 32 bytes.
    """

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise ParameterError(f"a seed has {SEED_BYTES} bytes, not {len(seed)}")
        self._cipher = Cipher(AES(seed), CTR(bytes(16))).encryptor()

    def fill(self, words: Words, zeros: memoryview) -> None:
        """Overwrite words with the next stretch of keystream.

        Args:
            words: contiguous, little endian.
            zeros: at least as many zero bytes, which callers that fill often keep.
        """
        if words.size:
            self._cipher.update_into(zeros[: words.nbytes], words.view(np.uint8).data)


def word_dtype(modulus_bits: int) -> np.dtype[np.unsignedinteger[Any]]:
    """Return the keystream word that a coordinate of Z_{2^k} takes: 32 bits, or 64 if k > 32.

    Raises:
        ParameterError: if k is not 1 to 62.
    """
    if not 1 <= modulus_bits <= MAX_MODULUS_BITS:
        raise ParameterError(f"modulus_bits={modulus_bits} must lie in 1..{MAX_MODULUS_BITS}")
    return np.dtype("<u4" if modulus_bits <= 32 else "<u8")


def expand_mask(seed: bytes, length: int, modulus_bits: int) -> NDArray[np.uint64]:
    """Expand a seed to a whole mask: the plain form of what `ResidueSum` adds piece by piece.

    Args:
        seed: 32 bytes.
        length: number of coordinates, 0 or more.
        modulus_bits: k, 1 to 62.

    Returns:
        Shape (length,), uint64, uniform over 0..2^k-1.
    """
    words = np.empty(length, word_dtype(modulus_bits))
    Keystream(seed).fill(words, memoryview(bytes(words.nbytes)))
    return words.astype(np.uint64) & np.uint64((1 << modulus_bits) - 1)
