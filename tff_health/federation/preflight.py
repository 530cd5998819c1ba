"""Says what keeps a site, or an authority, from taking part: files, keys, TLS, study, clock."""

import asyncio
import socket
import ssl
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from crypto.parties import AUTHORITY, ClientId
from crypto.session.apart.links import LinkLostError
from tff_health.errors import ConfigError, TffHealthError
from tff_health.federation.carrier.greeting import Greeting
from tff_health.federation.carrier.line import connect
from tff_health.federation.consortium import certificates, keys
from tff_health.federation.consortium.credentials import (
    Credentials,
    find_member,
    problem_with,
    site_credentials,
)
from tff_health.federation.consortium.digests import spoken
from tff_health.federation.consortium.members import Entry, Member
from tff_health.federation.errors import RefusedError
from tff_health.federation.programs.parties import place_of
from tff_health.federation.programs.study_data import decoding_of
from tff_health.federation.sections import read_toml
from tff_health.federation.site.site_file import PartyFile, SiteFile, read_party, read_site
from tff_health.federation.site.state import SiteState

_SOON = timedelta(days=30)
_WAIT = 10.0
_CLOCKS_APART = 300
_CLOCK_HINT = ": is this machine's clock right?"


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    name: str
    works: bool
    detail: str


async def check_party(path: Path) -> AsyncIterator[Finding]:
    """Yields the findings one by one; checks that cannot but fail are left out.

    Args:
        path: of the file of a site; or of an authority, or key holder, which has no policy.
    """
    try:
        site, detail = _read(path)
        yield Finding("files", True, detail)
        credentials = site_credentials(site.folder, site.registry)
    except TffHealthError as error:
        for line in str(error).split("\n"):
            yield Finding("files", False, line)
        return
    yield _certificate(credentials)
    if isinstance(site, SiteFile):
        yield _state(site)
    host, _, port = site.study.section.server.rpartition(":")
    host = host.strip("[]")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, int(port), type=socket.SOCK_STREAM
        )
    except OSError as error:
        yield Finding("name", False, f"{host} is known to no name server: {error.strerror}")
        return
    yield Finding("name", True, f"{host} is {', '.join(sorted({str(a[4][0]) for a in found}))}")
    for finding in await asyncio.to_thread(_reach, host, int(port), site, credentials):
        yield finding
        if not finding.works:
            return
    async for finding in _greet(site, credentials):
        yield finding


def _read(path: Path) -> tuple[SiteFile | PartyFile, str]:
    """Reads the file of whichever party it is; says what it is about."""
    if "policy" in read_toml(path):
        site = read_site(path)
        place_of(site.study, _client_of(path, find_member(site.folder, site.registry)))
        return site, f"study '{site.study.section.name}', which the policy allows"
    party = read_party(path)
    member = find_member(party.folder, party.registry)
    if member.party != AUTHORITY:
        raise ConfigError(f"{path}: has no section [policy], which {member} needs")
    return party, f"study '{party.study.section.name}', as its authority or key holder"


def _client_of(path: Path, member: Member) -> ClientId:
    if not isinstance(member.party, int):
        raise ConfigError(f"{path}: {member} needs no section [policy]: leave it out")
    return member.party


def _certificate(credentials: Credentials) -> Finding:
    entry = credentials.entry
    if problem := problem_with(entry):
        return Finding("certificate", False, f"{entry} {problem}")
    return Finding("certificate", True, f"{entry}, {_until(entry, 'enrol anew soon')}")


def _until(entry: Entry, advice: str) -> str:
    """Says how long a certificate holds, and what to do if that is not long."""
    until = entry.x509.not_valid_after_utc
    soon = f": {advice}" if until - certificates.now() < _SOON else ""
    return f"until {certificates.stamp(until)}{soon}"


def _state(site: SiteFile) -> Finding:
    try:
        state = SiteState.open(site.folder, site.policy)
    except TffHealthError as error:
        return Finding("journal", False, str(error))
    try:
        spent, budget = state.ledger.epsilon, site.policy.epsilon_budget
        return Finding("journal", True, f"intact; epsilon spent {spent:.4g} of {budget:g}")
    finally:
        state.close()


def _reach(
    host: str, port: int, site: SiteFile | PartyFile, credentials: Credentials
) -> list[Finding]:
    """Connects without the carrier, as TLS then says what is wrong."""
    try:
        plain = socket.create_connection((host, port), timeout=_WAIT)
    except OSError as error:
        why = "gives no answer" if isinstance(error, TimeoutError) else f"{error.strerror or error}"
        detail = f"{host}:{port}: {why}: is the server running, and does a firewall let through?"
        return [Finding("port", False, detail)]
    found = [Finding("port", True, f"{host}:{port} is open")]
    with plain, tempfile.NamedTemporaryFile(suffix=".pem") as certificate:
        certificate.write(credentials.certificate)
        certificate.flush()
        context = ssl.create_default_context(cadata=credentials.ca.decode())
        context.load_cert_chain(certificate.name, site.folder / keys.TLS_KEY)
        context.set_alpn_protocols(["h2"])
        try:
            with context.wrap_socket(plain, server_hostname=host) as secure:
                greeted = secure.recv(1)  # TLS 1.3 tells only then that it refuses our certificate
                version = secure.version()
        except ssl.SSLCertVerificationError as error:
            hint = _CLOCK_HINT if "expired" in error.verify_message else ""
            hint = _CLOCK_HINT if "not yet valid" in error.verify_message else hint
            found.append(Finding("server", False, f"is not ours: {error.verify_message}{hint}"))
        except (ssl.SSLError, OSError) as error:
            why = getattr(error, "reason", None) or str(error)
            found.append(Finding("server", False, f"refuses us: {why}"))
        else:
            until = _until(site.registry.server, "have its operator renew it")
            ours = f"is ours, by {version}; its certificate is valid {until}"
            why = ours if greeted else "refuses our certificate; its log says why"
            found.append(Finding("server", bool(greeted), why))
    return found


async def _greet(site: SiteFile | PartyFile, credentials: Credentials) -> AsyncIterator[Finding]:
    address = site.study.section.server
    decoding = decoding_of(site.study) if isinstance(site, SiteFile) else b""
    greeting = Greeting.of(site.study.digest, site.registry.digest, decoding)
    try:
        async with connect(address, credentials, replace(greeting, is_check=True)) as line:
            server = line.server
    except RefusedError as error:
        yield Finding(error.about or "server", False, str(error))
        return
    except LinkLostError as error:
        yield Finding("server", False, str(error))
        return
    versions = f"{server.package} there, {greeting.package} here"
    is_same = server.package == greeting.package
    yield Finding("version", is_same, versions if is_same else f"{versions}: install the same")
    yield Finding("study", True, f"digest {spoken(server.study)} on both sides")
    if server.decoding:
        yield Finding("decoding", True, "image files become the same pixels on both sides")
    same = server.registry == site.registry.digest
    others = f"digest {spoken(server.registry)} there, {spoken(site.registry.digest)} here"
    yield Finding(
        "registry", True, "the same on both sides" if same else f"{others}: get the new one"
    )
    apart = time.time() - server.clock
    detail = f"{abs(apart):.0f} seconds {'after' if apart > 0 else 'before'} the server's"
    if abs(apart) > _CLOCKS_APART:
        detail += ": set the clock; certificates hold by it"
    yield Finding("clock", abs(apart) <= _CLOCKS_APART, detail)
