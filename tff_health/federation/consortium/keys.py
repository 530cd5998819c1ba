"""Files of keys: made once, at their owner's place, readable by their owner alone."""

import os
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.randomness import SYSTEM
from tff_health.federation.errors import FederationError

TLS_KEY: Final = "tls.key"
IDENTITY_KEY: Final = "identity.key"
STORAGE_KEY: Final = "storage.key"
_STORAGE_KEY_BYTES: Final = 32
_MOST_BYTES: Final = 10_000


def write_secret(path: Path, data: bytes) -> None:
    """Writes a key into a new file of mode 0600.

    Raises:
        FederationError: if there is a file already, which is never overwritten, or it cannot be
            written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except FileExistsError:
        raise FederationError(f"{path}: is there already; keys are never overwritten") from None
    except OSError as error:
        raise FederationError(f"{path}: cannot be written: {error.strerror}") from None


def read_secret(path: Path) -> bytes:
    """Returns a key file, which nobody but its owner may read.

    Raises:
        FederationError: if it cannot be read, others can read it, or it is too large for a key.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise FederationError(
                    f"{path}: its mode is {mode:04o}, so others can read it; allowed is 0600: "
                    f"chmod 600 {path}"
                )
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise FederationError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > _MOST_BYTES:
        raise FederationError(f"{path}: is too large for a key")
    return data


def new_tls_key(path: Path) -> EllipticCurvePrivateKey:
    """Makes a P-256 key for TLS, and writes it."""
    key = generate_private_key(SECP256R1())
    write_secret(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key


def read_tls_key(path: Path) -> EllipticCurvePrivateKey:
    """Returns the key that `new_tls_key` wrote.

    Raises:
        FederationError: as `read_secret`, or if it is no such key.
    """
    key = _private_key(path)
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise FederationError(f"{path}: is no key on the curve P-256")
    return key


def new_identity(path: Path) -> SigningIdentity:
    """Makes an Ed25519 key with which a party signs, and writes it."""
    identity = SigningIdentity.generate(SYSTEM)
    key = Ed25519PrivateKey.from_private_bytes(identity.secret[:32])
    write_secret(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return identity


def read_identity(path: Path) -> SigningIdentity:
    """Returns the identity that `new_identity` wrote.

    Raises:
        FederationError: as `read_secret`, or if it is no such key.
    """
    key = _private_key(path)
    if not isinstance(key, Ed25519PrivateKey):
        raise FederationError(f"{path}: is no Ed25519 key")
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return SigningIdentity(key.private_bytes_raw() + public, VerifyKey(public))


def new_storage_key(path: Path) -> bytes:
    """Makes the 32-byte key under which a site seals what it keeps, and writes it."""
    key = SYSTEM.bytes(_STORAGE_KEY_BYTES)
    write_secret(path, key.hex().encode() + b"\n")
    return key


def read_storage_key(path: Path) -> bytes:
    """Returns the key that `new_storage_key` wrote.

    Raises:
        FederationError: as `read_secret`, or if it is no such key.
    """
    try:
        key = bytes.fromhex(read_secret(path).decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != _STORAGE_KEY_BYTES:
        raise FederationError(f"{path}: is no storage key of {_STORAGE_KEY_BYTES} bytes")
    return key


def _private_key(path: Path) -> object:
    data = read_secret(path)
    try:
        return load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # what it says may quote the file
        raise FederationError(f"{path}: holds no private key without a password") from None
