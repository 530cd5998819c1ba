"""The registry: the one public file that says who belongs to a consortium.

It binds names of certificates to parties and to the keys with which they sign. It, and not the CA
alone, decides who may connect. The CA signs it, so that nobody else can change it on its way; and
as the CA could show different ones to different people, its digest is compared by phone.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.hashes import SHA256

from crypto.domain import domain_tag
from crypto.parties import AUTHORITY, Authority, ClientId, describe
from crypto.primitives.signatures import VerifyKey
from tff_health.atomic import atomic_write
from tff_health.federation.consortium import certificates
from tff_health.federation.consortium.digests import canonical, digest_of
from tff_health.federation.consortium.members import (
    Entry,
    Member,
    ServerEntry,
    check_name,
    fields,
)
from tff_health.federation.consortium.records import read_record
from tff_health.federation.errors import FederationError, RefusedError

FORMAT: Final = 1
_FIELDS: Final = ("format", "consortium", "serial", "ca", "server", "members")
_MOST_BYTES: Final = 50_000_000


@dataclass(frozen=True)
class Registry:
    """Who belongs to a consortium.

    Attributes:
        consortium: its name.
        serial: counts the changes of the registry.
        ca: the CA's certificate, PEM text.
        server: the server.
        members: all others, revoked ones too.
    """

    consortium: str
    serial: int
    ca: str
    server: ServerEntry
    members: tuple[Member, ...]

    def __post_init__(self) -> None:
        ca = certificates.read_certificate(self.ca)
        entries: tuple[Entry, ...] = (self.server, *self.members)
        for what in ("name", "fingerprint", "verify_key"):
            _refuse_twice(what.replace("_", " "), [getattr(entry, what) for entry in entries])
        _refuse_twice("party", [member.party for member in self.members])
        for entry in entries:
            usage = certificates.SERVER if entry is self.server else certificates.CLIENT
            if problem := certificates.issuer_problem(entry.x509, ca, usage):
                raise FederationError(f"the certificate of {entry.name} {problem}")

    def to_data(self) -> dict[str, Any]:
        """Returns what is signed, and hashed, as JSON has it."""
        return {
            "format": FORMAT,
            "consortium": self.consortium,
            "serial": self.serial,
            "ca": self.ca,
            "server": self.server.to_data(),
            "members": [member.to_data() for member in self.members],
        }

    @classmethod
    def from_data(cls, data: Any) -> Self:
        """Reads what `to_data` wrote; FederationError if it did not."""
        found = fields(data, "the registry", _FIELDS)
        if found["format"] != FORMAT:
            raise FederationError(
                f"the registry has format {found['format']!r}, and this version reads {FORMAT}"
            )
        serial, members = found["serial"], found["members"]
        if type(serial) is not int or serial < 1 or not isinstance(members, list):
            raise FederationError("the registry's serial or members are none")
        if not isinstance(found["ca"], str):
            raise FederationError("the registry's ca is none")
        return cls(
            check_name(found["consortium"]),
            serial,
            found["ca"],
            ServerEntry.from_data(found["server"]),
            tuple(map(Member.from_data, members)),
        )

    @cached_property
    def digest(self) -> bytes:
        """32 bytes that only this registry has."""
        return digest_of("registry", canonical(self.to_data()))

    def with_members(self, members: tuple[Member, ...]) -> Self:
        """Returns the next registry, with other members."""
        return replace(self, serial=self.serial + 1, members=members)

    @property
    def verify_keys(self) -> Mapping[ClientId, VerifyKey]:
        """The keys by which clients' signatures are checked; revoked clients have none."""
        members = (m for m in self.members if not m.revoked and m.party != AUTHORITY)
        return {m.party: m.verify_key for m in members if isinstance(m.party, int)}

    def member(self, party: ClientId | Authority) -> Member:
        """Returns the member that is a party, revoked or not; FederationError if none is."""
        for member in self.members:
            if member.party == party:
                return member
        raise FederationError(f"{describe(party)} is not in the registry of {self.consortium}")

    def named(self, name: str) -> Member:
        """Returns the member with a name, revoked or not; FederationError if none has it."""
        for member in self.members:
            if member.name == name:
                return member
        raise FederationError(
            f"{name[:40]!r} is not in the registry of {self.consortium}, serial {self.serial}"
        )

    def admit(self, certificate: x509.Certificate, when: datetime) -> Member:
        """Returns the member that may connect with a certificate.

        Args:
            certificate: for which the other side has shown the key.
            when: the time now.

        Raises:
            RefusedError: saying why nobody may.
        """
        name = certificates.common_name(certificate)
        try:
            member = self.named(name)
        except FederationError as error:
            raise RefusedError(str(error)) from None
        if member.fingerprint != certificates.fingerprint(certificate):
            raise RefusedError(
                f"{member}: this is not the certificate that the registry, serial {self.serial}, "
                "has for this name"
            )
        if member.revoked:
            raise RefusedError(f"{member}: was revoked on {member.revoked}")
        if problem := certificates.lifetime_problem(certificate, when):
            raise RefusedError(f"{member}: its certificate {problem}")
        return member


def write_registry(path: Path, registry: Registry, ca_key: EllipticCurvePrivateKey) -> None:
    """Signs a registry, and writes it, whole or not at all."""
    data = registry.to_data()
    signature = ca_key.sign(_signed(data), ECDSA(SHA256()))
    text = canonical({**data, "signature": signature.hex()})
    with atomic_write(path) as file:
        file.write(text + b"\n")


def read_registry(path: Path) -> Registry:
    """Returns a registry whose signature by its CA holds.

    Raises:
        FederationError: if it cannot be read, or is none.
    """
    data = read_record(path, _MOST_BYTES)
    if not isinstance(data, dict) or not isinstance(data.get("signature"), str):
        raise FederationError(f"{path}: is no registry; it is what `init` and `sign` write")
    signature = data.pop("signature")
    try:
        registry = Registry.from_data(data)
        _check(registry, signature)
    except FederationError as error:
        raise FederationError(f"{path}: {error}") from None
    return registry


def _check(registry: Registry, signature: str) -> None:
    key = certificates.read_certificate(registry.ca).public_key()
    try:
        if isinstance(key, EllipticCurvePublicKey):
            key.verify(bytes.fromhex(signature), _signed(registry.to_data()), ECDSA(SHA256()))
            return
    except (InvalidSignature, ValueError):
        pass
    raise FederationError("was changed after the CA signed it: get it anew")


def _signed(data: dict[str, Any]) -> bytes:
    return domain_tag("federation/registry signature", canonical(data))


def _refuse_twice(what: str, values: list[Any]) -> None:
    repeated = [value for value, count in Counter(values).items() if count > 1]
    if repeated:
        raise FederationError(f"two entries of the registry have the same {what}")
