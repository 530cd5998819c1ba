"""Authenticated encryption of one message under a key that serves for nothing else.

Source: AES-256-GCM, NIST SP 800-38D.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from crypto.errors import AuthenticationError
from crypto.operations import Operation, note
from crypto.wire import check_size

KEY_BYTES: Final = 32
TAG_BYTES: Final = 16
_NONCE: Final = bytes(12)


def encrypt_once(key: bytes, plaintext: bytes, associated_data: bytes) -> bytes:
    """Encrypt the only message that this key will ever encrypt.

    The nonce is fixed, as in Noise and HPKE's single-shot mode: the key must be derived for one
    session, one sender and one receiver, and two messages must never be encrypted with it.

    Args:
        key: 32 bytes.
        plaintext: any length.
        associated_data: what the ciphertext is bound to: session, sender, receiver.

    Returns:
        Ciphertext and tag, 16 bytes longer than `plaintext`.

    Raises:
        ParameterError: for a key of another length: AES would take shorter ones, and be weaker.
    """
    check_size("key", key, KEY_BYTES)
    note(Operation.ENCRYPTION)
    return AESGCM(key).encrypt(_NONCE, plaintext, associated_data)


def decrypt_once(key: bytes, ciphertext: bytes, associated_data: bytes) -> bytes:
    """Open what `encrypt_once` made.

    Raises:
        AuthenticationError: if key, ciphertext or associated data differ in a single bit.
        ParameterError: as `encrypt_once`.
    """
    check_size("key", key, KEY_BYTES)
    note(Operation.DECRYPTION)
    try:
        return AESGCM(key).decrypt(_NONCE, ciphertext, associated_data)
    except InvalidTag:
        raise AuthenticationError("a ciphertext does not authenticate") from None
