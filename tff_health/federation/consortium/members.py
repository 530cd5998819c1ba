"""Who stands in a registry: members and the server, each with a certificate and a verify key."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from cryptography import x509

from crypto.errors import ParameterError
from crypto.parties import AUTHORITY, MAX_CLIENT_ID, Authority, ClientId, describe
from crypto.primitives.signatures import VerifyKey
from tff_health.federation.consortium import certificates
from tff_health.federation.errors import FederationError

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(frozen=True)
class Entry:
    """What the registry says of whoever has a certificate.

    Attributes:
        name: as in the certificate.
        certificate: PEM text.
        verify_key: of its signatures.
    """

    name: str
    certificate: str
    verify_key: VerifyKey

    @cached_property
    def x509(self) -> x509.Certificate:
        """The certificate."""
        return certificates.read_certificate(self.certificate)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate."""
        return certificates.fingerprint(self.x509)

    def to_data(self) -> dict[str, Any]:
        """Returns the entry as JSON has it."""
        return {
            "name": self.name,
            "certificate": self.certificate,
            "verify_key": self.verify_key.data.hex(),
        }


@dataclass(frozen=True)
class ServerEntry(Entry):
    """The server."""

    @classmethod
    def from_data(cls, data: Any) -> "ServerEntry":
        """Reads what `to_data` wrote; FederationError if it did not."""
        found = fields(data, "the server", ("name", "certificate", "verify_key"))
        return cls(**_entry(found))


@dataclass(frozen=True)
class Member(Entry):
    """A party that may connect to the server.

    Attributes:
        party: its number as a client, or "authority".
        revoked: when it was revoked; None if it was not. Its number is not given again.
    """

    party: ClientId | Authority
    revoked: str | None = None

    def to_data(self) -> dict[str, Any]:
        """Returns the entry as JSON has it."""
        return {**super().to_data(), "party": self.party, "revoked": self.revoked}

    @classmethod
    def from_data(cls, data: Any) -> "Member":
        """Reads what `to_data` wrote; FederationError if it did not."""
        names = ("name", "certificate", "verify_key", "party", "revoked")
        found = fields(data, "a member", names)
        party, revoked = found["party"], found["revoked"]
        if party != AUTHORITY and not is_client(party):
            raise FederationError(
                f"party {party!r}: must be from 0 to {MAX_CLIENT_ID} or '{AUTHORITY}'"
            )
        if revoked is not None:
            try:
                certificates.from_stamp(revoked)
            except (ValueError, TypeError):
                raise FederationError(f"revoked {revoked!r}: must be a time or null") from None
        return cls(**_entry(found), party=party, revoked=revoked)

    def __str__(self) -> str:
        return f"{self.name} ({describe(self.party)})"


def is_client(value: Any) -> bool:
    """Whether it is the number of a client."""
    return type(value) is int and 0 <= value <= MAX_CLIENT_ID


def check_name(name: Any) -> str:
    """Returns the name of a party if it is one.

    Raises:
        FederationError: if it is none.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise FederationError(
            f"name {name!r}: must have 1 to 40 characters a-z, 0-9 and -, none of these last at an "
            "end"
        )
    return name


def fields(data: Any, what: str, names: tuple[str, ...]) -> dict[str, Any]:
    """Returns an object of JSON that has just these fields.

    Raises:
        FederationError: if it has others, or lacks some.
    """
    if not isinstance(data, dict) or set(data) != set(names):
        found = ", ".join(map(str, data)) if isinstance(data, dict) else "something else"
        raise FederationError(
            f"{what}: has {found[:80] or 'no fields'}, and not {', '.join(names)}"
        )
    return data


def _entry(found: dict[str, Any]) -> dict[str, Any]:
    name, text = check_name(found["name"]), found["certificate"]
    try:
        key = VerifyKey(bytes.fromhex(found["verify_key"]))
        certificate = certificates.read_certificate(text)
    except (ValueError, TypeError, AttributeError, ParameterError):
        raise FederationError(f"{name}: its verify key or certificate is none") from None
    if certificates.pem(certificate) != text or key.data.hex() != found["verify_key"]:
        raise FederationError(f"{name}: its verify key or certificate is not in its usual form")
    if certificates.common_name(certificate) != name:
        raise FederationError(f"{name}: its certificate is for another name")
    return {"name": name, "certificate": text, "verify_key": key}
