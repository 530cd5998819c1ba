"""Certificates of a consortium: X.509 on the curve P-256, by its own authority (CA)."""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from tff_health.federation.errors import FederationError

CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH
_CA_DAYS: Final = 3650
_EARLIER: Final = timedelta(days=1)
"""Certificates hold from a day before they are made, for clocks that are slow."""


def now() -> datetime:
    """Returns the time of this machine's clock, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def make_ca(name: str, key: EllipticCurvePrivateKey) -> x509.Certificate:
    """Returns the certificate of a new authority, signed by itself, for ten years."""
    subject = _name(f"{name} CA")
    return (
        _builder(subject, subject, key.public_key(), _CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, SHA256())
    )


def issue(
    ca: x509.Certificate,
    ca_key: EllipticCurvePrivateKey,
    public_key: EllipticCurvePublicKey,
    name: str,
    usage: ObjectIdentifier,
    days: int,
    hosts: Sequence[str] = (),
) -> x509.Certificate:
    """Returns a certificate for a party.

    Args:
        ca: the authority.
        ca_key: its key.
        public_key: the party's.
        name: the party's.
        usage: `CLIENT` or `SERVER`; neither passes for the other.
        days: for which it holds.
        hosts: names and addresses under which a server is reached.
    """
    builder = (
        _builder(_name(name), ca.subject, public_key, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
    )
    if hosts:
        names = x509.SubjectAlternativeName([_host(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(ca_key, SHA256())


def make_request(key: EllipticCurvePrivateKey, name: str) -> x509.CertificateSigningRequest:
    """Returns a request for a certificate, which shows that the party has the key."""
    return x509.CertificateSigningRequestBuilder().subject_name(_name(name)).sign(key, SHA256())


def read_request(text: str) -> x509.CertificateSigningRequest:
    """Returns the request that a PEM text holds, its signature checked.

    Raises:
        FederationError: if it is none, is not signed by its own key, or has a key of another kind.
    """
    try:
        request = x509.load_pem_x509_csr(text.encode())
        sound = request.is_signature_valid
        key = request.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise FederationError("the request holds no request for a certificate") from None
    if not sound:
        raise FederationError("the request for a certificate is not signed by its own key")
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise FederationError("the request's key is not on the curve P-256")
    return request


def read_certificate(text: str) -> x509.Certificate:
    """Returns the certificate that a PEM text holds.

    Raises:
        FederationError: if it is none.
    """
    try:
        return x509.load_pem_x509_certificate(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise FederationError("there is no certificate where one is expected") from None


def pem(certificate: x509.Certificate | x509.CertificateSigningRequest) -> str:
    """Returns it as text."""
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def common_name(holder: x509.Certificate | x509.CertificateSigningRequest) -> str:
    """Returns the name that it is for; "" if it has none, or several."""
    names = holder.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else ""


def fingerprint(certificate: x509.Certificate) -> str:
    """Returns its SHA-256, by which the registry knows it from all others."""
    return certificate.fingerprint(SHA256()).hex()


def hosts_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Returns the names and addresses under which a server is reached."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = map(str, names.get_values_for_type(x509.IPAddress))
    return (*names.get_values_for_type(x509.DNSName), *addresses)


def lifetime_problem(certificate: x509.Certificate, when: datetime) -> str:
    """Says why a certificate does not hold at a time; "" if it does."""
    if when < certificate.not_valid_before_utc:
        return f"holds only from {stamp(certificate.not_valid_before_utc)} on"
    if when > certificate.not_valid_after_utc:
        return f"has expired on {stamp(certificate.not_valid_after_utc)}"
    return ""


def issuer_problem(
    certificate: x509.Certificate, ca: x509.Certificate, usage: ObjectIdentifier
) -> str:
    """Says why a certificate is none of the authority's for this usage; "" if it is one."""
    try:
        certificate.verify_directly_issued_by(ca)
    except (InvalidSignature, ValueError, TypeError):
        return "is not signed by this consortium's CA"
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return "does not say what it may be used for"
    return "" if list(usages) == [usage] else "is made for something else"


def stamp(when: datetime) -> str:
    """Returns a time as files have it: UTC, to the second."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_stamp(text: str) -> datetime:
    """Returns the time that `stamp` wrote.

    Raises:
        ValueError: if it wrote no such text.
    """
    when = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    if stamp(when) != text:
        raise ValueError(f"{text!r} is no time as 2026-01-31T12:00:00Z is one")
    return when


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    start = now()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - _EARLIER)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
