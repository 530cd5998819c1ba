"""Ed25519 signatures over hashed, domain-separated messages.

The message is hashed with SHA-256 first, since Ed25519 itself reads a message twice and uploads
have megabytes. libsodium verifies twice as fast as OpenSSL and refuses keys of small order.

Source: RFC 8032.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final

from nacl import bindings
from nacl.exceptions import CryptoError as SodiumError

from crypto.domain import domain_tag
from crypto.errors import ParameterError, SignatureError
from crypto.randomness import SYSTEM, Randomness

SIGNATURE_BYTES: Final = 64
SEED_BYTES: Final = 32


@dataclass(frozen=True)
class VerifyKey:
    """The public half of an identity.

    Attributes:
        data: 32 bytes.
    """

    data: bytes

    def __post_init__(self) -> None:
        if len(self.data) != bindings.crypto_sign_PUBLICKEYBYTES:
            raise ParameterError(f"a verify key has 32 bytes, not {len(self.data)}")

    def verify(self, purpose: str, message: bytes, signature: bytes) -> None:
        """Check a signature made by `SigningIdentity.sign`.

        Raises:
            SignatureError: if it is not this identity's signature of this message and purpose.
        """
        digest = _digest(purpose, message)
        try:
            if len(signature) == SIGNATURE_BYTES:
                bindings.crypto_sign_open(signature + digest, self.data)
                return
        except (SodiumError, ValueError):
            pass
        raise SignatureError("a signature does not verify")


@dataclass(frozen=True)
class SigningIdentity:
    """A client's long-term Ed25519 key: who it is, in every round.

    Attributes:
        secret: libsodium's 64-byte secret key, kept out of the repr.
        verify_key: the public half, known to all in the consortium.
    """

    secret: bytes = field(repr=False)
    verify_key: VerifyKey

    @classmethod
    def generate(cls, randomness: Randomness = SYSTEM) -> "SigningIdentity":
        """Make an identity from 32 fresh bytes; run once by its owner."""
        public, secret = bindings.crypto_sign_seed_keypair(randomness.bytes(SEED_BYTES))
        return cls(secret, VerifyKey(public))

    def sign(self, purpose: str, message: bytes) -> bytes:
        """Return the 64-byte signature of a message for one purpose."""
        signed = bindings.crypto_sign(_digest(purpose, message), self.secret)
        return signed[:SIGNATURE_BYTES]


def _digest(purpose: str, message: bytes) -> bytes:
    state = hashlib.sha256(domain_tag(purpose))
    state.update(message)
    return state.digest()
