"""Domain separation: the one place where labels of keys, signatures and hashes are formed.

Every derived key, signed byte string, associated data and hash starts with a tag made here, so
that nothing made for one purpose, session or pair is valid for another.
"""

import hashlib
from typing import Final

PROTOCOL_VERSION: Final = 1
_ROOT: Final = b"tff_health/crypto"


def domain_tag(purpose: str, *parts: bytes) -> bytes:
    """Return an injective encoding of (protocol, version, purpose, parts).

    Args:
        purpose: what the tagged value is for, for example "masking/pairwise mask".
        parts: the values it is bound to: session, sender, receiver and the like.

    Returns:
        Each item with its length before it: two different calls never give the same bytes.
    """
    items = (_ROOT, bytes([PROTOCOL_VERSION]), purpose.encode(), *parts)
    count = len(items).to_bytes(4, "little")
    return count + b"".join([len(item).to_bytes(4, "little") + item for item in items])


def domain_hash(purpose: str, *parts: bytes) -> bytes:
    """Return SHA-256 of `domain_tag(purpose, *parts)`: 32 bytes."""
    return hashlib.sha256(domain_tag(purpose, *parts)).digest()


def encode_id(client: int) -> bytes:
    """Return a client's number as four bytes, the form in which tags bind it."""
    return client.to_bytes(4, "little")
