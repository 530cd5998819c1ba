"""What a program shows to prove who it is, and by what it knows the others."""

from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from crypto.primitives.signatures import SigningIdentity
from tff_health.federation.consortium import certificates, keys
from tff_health.federation.consortium.members import Entry, Member, ServerEntry
from tff_health.federation.consortium.registry import Registry
from tff_health.federation.errors import FederationError


@dataclass(frozen=True)
class Credentials:
    """A party's keys beside its entry in the registry.

    Attributes:
        entry: who it is.
        identity: with which it signs.
        key: of TLS, PEM; kept out of the repr.
        ca: the certificate that others' certificates are checked with, PEM.
        server: the server, as the registry has it.
    """

    entry: Entry
    server: ServerEntry
    identity: SigningIdentity
    key: bytes = field(repr=False)
    ca: bytes

    @property
    def certificate(self) -> bytes:
        """Its certificate, PEM."""
        return self.entry.certificate.encode()


def server_credentials(folder: Path, registry: Registry) -> Credentials:
    """Returns those of the server, from its folder of keys.

    Raises:
        FederationError: if a key cannot be read, or is another than the registry says.
    """
    return _credentials(folder, registry, registry.server)


def site_credentials(folder: Path, registry: Registry) -> Credentials:
    """Returns those of a site, whoever the registry says has the keys in its folder.

    Raises:
        FederationError: if a key cannot be read, or is in no entry of the registry.
    """
    return _credentials(folder, registry, find_member(folder, registry))


def find_member(folder: Path, registry: Registry) -> Member:
    """Returns the member whose certificate is for the key in a folder; FederationError if none."""
    key = keys.read_tls_key(folder / keys.TLS_KEY)
    for member in registry.members:
        if member.x509.public_key() == key.public_key():
            return member
    raise FederationError(
        f"{folder / keys.TLS_KEY}: no entry of the registry, serial {registry.serial}, has a "
        "certificate for this key: get the registry that was made after your request was signed"
    )


def _credentials(folder: Path, registry: Registry, entry: Entry) -> Credentials:
    key = keys.read_tls_key(folder / keys.TLS_KEY)
    identity = keys.read_identity(folder / keys.IDENTITY_KEY)
    if entry.x509.public_key() != key.public_key():
        raise FederationError(
            f"{folder / keys.TLS_KEY}: is another key than that of {entry.name} in the registry"
        )
    if entry.verify_key != identity.verify_key:
        raise FederationError(
            f"{folder / keys.IDENTITY_KEY}: is another key than that of {entry.name} in the "
            "registry"
        )
    return Credentials(entry, registry.server, identity, _pem(key), registry.ca.encode())


def problem_with(entry: Entry) -> str:
    """Says why an entry cannot connect now; "" if nothing is known against it."""
    if isinstance(entry, Member) and entry.revoked:
        return f"was revoked on {entry.revoked}"
    if problem := certificates.lifetime_problem(entry.x509, certificates.now()):
        return f"its certificate {problem}"
    return ""


def _pem(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
