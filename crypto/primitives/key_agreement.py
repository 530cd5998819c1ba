"""X25519 key agreement with keys derived by HKDF-SHA256.

libsodium's X25519 takes keys as bytes; others parse a private key, at the price of an agreement.

Sources: RFC 7748 (X25519), RFC 5869 (HKDF).
"""

from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from nacl import bindings
from nacl.exceptions import CryptoError as SodiumError

from crypto.errors import WrongContentError
from crypto.operations import Operation, note
from crypto.randomness import SYSTEM, Randomness
from crypto.wire import check_size

KEY_BYTES: Final = 32


@dataclass(frozen=True)
class AgreementKeyPair:
    """A client's X25519 key pair.

    Attributes:
        private: 32 secret bytes, kept out of the repr.
        public: 32 bytes to be published.
    """

    private: bytes = field(repr=False)
    public: bytes

    def __post_init__(self) -> None:
        # PyNaCl does not check lengths itself and would read beyond a key that is too short.
        check_size("private key", self.private, KEY_BYTES)
        check_size("public key", self.public, KEY_BYTES)

    @classmethod
    def generate(cls, randomness: Randomness = SYSTEM) -> "AgreementKeyPair":
        """Make a key pair from 32 fresh bytes; run by the client that will own it."""
        return cls.from_private(randomness.bytes(KEY_BYTES))

    @classmethod
    def from_private(cls, private: bytes) -> "AgreementKeyPair":
        """Complete a key pair from its private half, as the server does after reconstruction.

        Raises:
            ParameterError: if `private` is not 32 bytes.
        """
        check_size("private key", private, KEY_BYTES)
        return cls(private, bindings.crypto_scalarmult_base(private))

    def agree(self, peer_public: bytes) -> bytes:
        """Return the 32-byte secret shared with a peer: input to `derive_key`, not a key itself.

        Raises:
            WrongContentError: if the peer's key is not 32 bytes, or has small order and would make
                the secret zero.
        """
        if len(peer_public) != KEY_BYTES:
            raise WrongContentError(f"a public key has {KEY_BYTES} bytes, not {len(peer_public)}")
        note(Operation.KEY_AGREEMENT)
        try:
            return bindings.crypto_scalarmult(self.private, peer_public)
        except SodiumError as error:
            raise WrongContentError("a public key that admits no key agreement") from error


def check_public_key(public: bytes) -> None:
    """Refuse a public key that admits no key agreement, before others stumble over it.

    Every private key is a multiple of 8 times a unit, so any one of them finds the bad keys.

    Raises:
        WrongContentError: if it is not 32 bytes or has small order.
    """
    AgreementKeyPair.from_private(bytes(KEY_BYTES)).agree(public)


def derive_key(secret: bytes, info: bytes, length: int = KEY_BYTES) -> bytes:
    """Derive a key by HKDF-SHA256 without salt.

    Args:
        secret: what `agree` returned.
        info: a `domain_tag` of purpose, session and pair.
        length: bytes wanted, 1 to 8160.
    """
    return HKDF(SHA256(), length, salt=None, info=info).derive(secret)
