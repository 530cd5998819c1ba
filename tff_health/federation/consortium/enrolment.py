"""How a consortium begins, and how hospitals come into it and leave it.

A hospital makes its keys at its own place, and sends a request that holds nothing secret. It tells
the request's digest by phone; the coordinator signs only what has this digest. The registry that
comes back holds the certificate.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)

from crypto.errors import ParameterError, SignatureError
from crypto.parties import AUTHORITY, Authority, ClientId
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from tff_health.atomic import all_or_nothing, atomic_write, make_private
from tff_health.federation.consortium import certificates, keys
from tff_health.federation.consortium.digests import canonical, digest_of, is_spoken, spoken
from tff_health.federation.consortium.members import Member, ServerEntry, check_name, fields
from tff_health.federation.consortium.records import read_record
from tff_health.federation.consortium.registry import Registry, read_registry, write_registry
from tff_health.federation.errors import FederationError

CA_KEY: Final = "ca.key"
REGISTRY: Final = "registry.json"
REQUEST: Final = "request.json"
SERVER_FOLDER: Final = "server"
ENROLLED: Final = (keys.TLS_KEY, keys.IDENTITY_KEY, keys.STORAGE_KEY, REQUEST)
"""Files of a hospital that `enrol` makes."""
CERTIFICATE_DAYS: Final = 398
_PURPOSE: Final = "federation/request"
_MOST_BYTES: Final = 100_000
_HOST: Final = re.compile(r"[A-Za-z0-9:]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?")


@dataclass(frozen=True)
class Request:
    """What a hospital asks for; nothing in it is secret.

    Attributes:
        csr: the request for a certificate, PEM text.
        verify_key: of its signatures.
        signature: by that key over the request for a certificate, so that both are of one owner.
    """

    csr: str
    verify_key: VerifyKey
    signature: bytes

    @classmethod
    def make(cls, csr: str, identity: SigningIdentity) -> Self:
        """Returns a signed request."""
        return cls(csr, identity.verify_key, identity.sign(_PURPOSE, csr.encode()))

    @property
    def digest(self) -> bytes:
        """32 bytes that only this request has."""
        return digest_of("request", canonical(self.to_data()))

    def to_data(self) -> dict[str, str]:
        """Returns the request as JSON has it."""
        key, signature = self.verify_key.data.hex(), self.signature.hex()
        return {"csr": self.csr, "verify_key": key, "signature": signature}

    @classmethod
    def from_data(cls, data: Any) -> Self:
        """Reads what `to_data` wrote; FederationError if it did not."""
        found = fields(data, "the request", ("csr", "verify_key", "signature"))
        try:
            key = VerifyKey(bytes.fromhex(found["verify_key"]))
            request = cls(str(found["csr"]), key, bytes.fromhex(found["signature"]))
            key.verify(_PURPOSE, request.csr.encode(), request.signature)
        except (TypeError, ValueError, ParameterError):
            raise FederationError("the request's verify key or signature is none") from None
        except SignatureError:
            raise FederationError("the request is not signed by its verify key") from None
        return request

    def certificate_request(self) -> x509.CertificateSigningRequest:
        """Returns the request for a certificate; FederationError if it is not sound."""
        return certificates.read_request(self.csr)


def found_consortium(folder: Path, name: str, hosts: tuple[str, ...]) -> Registry:
    """Makes a consortium: CA, server keys and certificate, and a registry without members.

    Args:
        folder: the coordinator's; what is in it stays there, but for the registry and the folder
            of the server.
        name: of the consortium.
        hosts: names and addresses under which sites reach the server.

    Raises:
        FederationError: if there is a consortium already, or a name is none.
    """
    check_name(name)
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise FederationError(f"host {host[:60]!r}: must be a name or an address, without port")
    server = folder / SERVER_FOLDER
    if (folder / REGISTRY).exists():
        raise FederationError(f"{folder}: has a consortium already; choose another folder")
    make_private(folder)
    with all_or_nothing(folder / CA_KEY, *_server_keys(server), folder / REGISTRY):
        ca_key = keys.new_tls_key(folder / CA_KEY)
        ca = certificates.make_ca(name, ca_key)
        entry = _server_entry(server, ca, ca_key, hosts)
        registry = Registry(name, 1, certificates.pem(ca), entry, ())
        write_registry(folder / REGISTRY, registry, ca_key)
    return registry


def enrol(folder: Path, name: str) -> Request:
    """Makes a hospital's keys at its own place, and the request that goes to the coordinator.

    Args:
        folder: of the keys; made if need be.
        name: under which the hospital is known.

    Raises:
        FederationError: if there are keys already, or the name is none.
    """
    check_name(name)
    make_private(folder)
    for key_file in (keys.TLS_KEY, keys.IDENTITY_KEY, keys.STORAGE_KEY):
        if (folder / key_file).exists():
            raise FederationError(
                f"{folder}: has keys already, which are never overwritten; choose another folder"
            )
    key = keys.new_tls_key(folder / keys.TLS_KEY)
    identity = keys.new_identity(folder / keys.IDENTITY_KEY)
    keys.new_storage_key(folder / keys.STORAGE_KEY)
    request = Request.make(certificates.pem(certificates.make_request(key, name)), identity)
    with atomic_write(folder / REQUEST) as file:
        file.write(canonical(request.to_data()) + b"\n")
    return request


def read_request(path: Path) -> Request:
    """Returns a request whose signatures hold.

    Raises:
        FederationError: if it cannot be read, or is none.
    """
    data = read_record(path, _MOST_BYTES)
    try:
        return Request.from_data(data)
    except FederationError as error:
        raise FederationError(f"{path}: {error}: send what `enrol` wrote") from None


def sign(
    folder: Path,
    request: Request,
    told: str,
    party: ClientId | Authority | None = None,
    days: int = CERTIFICATE_DAYS,
) -> Member:
    """Takes a hospital into the registry, or gives one that is in it a new certificate and keys.

    Args:
        folder: the coordinator's.
        request: the hospital's.
        told: its digest, as the hospital has told it by phone.
        party: its number, or "authority"; None for the next number, or the one that it has.
        days: for which the certificate holds.

    Raises:
        FederationError: if the digest is another, the party is taken, or the name was revoked.
    """
    try:
        if not is_spoken(told, request.digest):
            raise FederationError(
                f"the request has digest {spoken(request.digest)}, not the one that was told: it "
                "was changed on its way, or is another; do not sign it"
            )
    except ValueError as error:
        raise FederationError(str(error)) from None
    registry = read_registry(folder / REGISTRY)
    wanted = request.certificate_request()
    name = check_name(certificates.common_name(wanted))
    known = {member.name: member for member in registry.members}
    if name in known and known[name].revoked:
        raise FederationError(f"{name} was revoked on {known[name].revoked}: use another name")
    if name in known and party not in (None, known[name].party):
        raise FederationError(f"{known[name]} is known already; its party does not change")
    if party is None:
        party = known[name].party if name in known else _next_number(registry)
    key = wanted.public_key()
    if not isinstance(key, EllipticCurvePublicKey):
        raise FederationError("the request's key is not on the curve P-256")
    ca_key = keys.read_tls_key(folder / CA_KEY)
    ca = certificates.read_certificate(registry.ca)
    certificate = certificates.issue(ca, ca_key, key, name, certificates.CLIENT, days)
    member = Member(name, certificates.pem(certificate), request.verify_key, party)
    others = tuple(other for other in registry.members if other.name != name)
    write_registry(folder / REGISTRY, registry.with_members((*others, member)), ca_key)
    return member


def revoke(folder: Path, name: str) -> Member:
    """Shuts a member out for good, from the moment the server has the new registry.

    Raises:
        FederationError: if nobody has the name, or it was revoked before.
    """
    registry = read_registry(folder / REGISTRY)
    member = registry.named(name)
    if member.revoked:
        raise FederationError(f"{member} was revoked on {member.revoked} already")
    revoked = replace(member, revoked=certificates.stamp(certificates.now()))
    members = tuple(revoked if other is member else other for other in registry.members)
    ca_key = keys.read_tls_key(folder / CA_KEY)
    write_registry(folder / REGISTRY, registry.with_members(members), ca_key)
    return revoked


def renew_server(folder: Path, server: Path) -> Registry:
    """Gives the server new keys and a certificate for the same hosts; the old one is shut out.

    Args:
        folder: the coordinator's.
        server: of the new keys; made if need be.

    Raises:
        FederationError: if there are keys already.
    """
    registry = read_registry(folder / REGISTRY)
    ca_key = keys.read_tls_key(folder / CA_KEY)
    ca = certificates.read_certificate(registry.ca)
    hosts = certificates.hosts_of(registry.server.x509)
    entry = _server_entry(server, ca, ca_key, hosts)
    renewed = replace(registry, serial=registry.serial + 1, server=entry)
    write_registry(folder / REGISTRY, renewed, ca_key)
    return renewed


def _server_entry(
    folder: Path, ca: x509.Certificate, ca_key: EllipticCurvePrivateKey, hosts: tuple[str, ...]
) -> ServerEntry:
    make_private(folder)
    with all_or_nothing(*_server_keys(folder)):
        key = keys.new_tls_key(folder / keys.TLS_KEY)
        identity = keys.new_identity(folder / keys.IDENTITY_KEY)
        certificate = certificates.issue(
            ca, ca_key, key.public_key(), "server", certificates.SERVER, CERTIFICATE_DAYS, hosts
        )
        return ServerEntry("server", certificates.pem(certificate), identity.verify_key)


def _server_keys(folder: Path) -> tuple[Path, ...]:
    return folder / keys.TLS_KEY, folder / keys.IDENTITY_KEY


def _next_number(registry: Registry) -> int:
    numbers = [member.party for member in registry.members if member.party != AUTHORITY]
    return max((number for number in numbers if isinstance(number, int)), default=0) + 1
