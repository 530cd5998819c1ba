"""Digests that people compare by phone: of a registry, a study or a request."""

import hashlib
import hmac
import json
import re
from typing import Any

from crypto.domain import domain_tag

_GROUPS, _GROUP = 8, 5
_FORM = re.compile(rf"[0-9a-f]{{{_GROUPS * _GROUP}}}")


def canonical(data: Any) -> bytes:
    """Returns the one way in which what JSON can say is written, to be hashed or signed.

    Raises:
        ValueError: for numbers that JSON cannot write.
    """
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def digest_of(kind: str, data: bytes) -> bytes:
    """Returns the 32-byte digest of a thing of one kind, such as "registry"."""
    return hashlib.sha256(domain_tag(f"federation/{kind}", data)).digest()


def spoken(digest: bytes) -> str:
    """Returns a digest for the phone: its first 160 bits, eight groups of five characters.

    So many bits that nobody finds two things with the same, whoever makes them.
    """
    text = digest.hex()[: _GROUPS * _GROUP]
    return "-".join(text[i : i + _GROUP] for i in range(0, len(text), _GROUP))


def is_spoken(text: str, digest: bytes) -> bool:
    """Whether a text that a person wrote down, in any case and spacing, says this digest.

    Raises:
        ValueError: if it is no such text, and so not even a wrong digest.
    """
    said = re.sub(r"[\s-]", "", text).lower()
    if not _FORM.fullmatch(said):
        raise ValueError(
            f"{text[:60]!r} is no digest: it has {_GROUPS} groups of {_GROUP} characters 0-9 a-f"
        )
    return hmac.compare_digest(said, digest.hex()[: _GROUPS * _GROUP])
