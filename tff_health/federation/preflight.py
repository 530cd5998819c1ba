"""Says what keeps a site from taking part: files, keys, name, port, TLS, version, study, clock."""

import asyncio
import socket
import ssl
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from crypto.session.apart.links import LinkLostError
from tff_health.errors import TffHealthError
from tff_health.federation.carrier.greeting import Greeting
from tff_health.federation.carrier.line import connect
from tff_health.federation.consortium import certificates, keys
from tff_health.federation.consortium.credentials import (
    Credentials,
    problem_with,
    site_credentials,
)
from tff_health.federation.consortium.digests import spoken
from tff_health.federation.errors import RefusedError
from tff_health.federation.programs.study_data import decoding_of
from tff_health.federation.site.site_file import SiteFile, read_site
from tff_health.federation.site.state import SiteState

_SOON = timedelta(days=30)
_WAIT = 10.0
_CLOCKS_APART = 300


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    name: str
    works: bool
    detail: str


async def check_site(path: Path) -> AsyncIterator[Finding]:
    """Yields the findings one by one; checks that cannot but fail are left out.

    Args:
        path: of the site file.
    """
    try:
        site = read_site(path)
        yield Finding("files", True, f"study '{site.study.section.name}', which the policy allows")
        credentials = site_credentials(site.folder, site.registry)
    except TffHealthError as error:
        for line in str(error).split("\n"):
            yield Finding("files", False, line)
        return
    yield _certificate(credentials)
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


def _certificate(credentials: Credentials) -> Finding:
    entry = credentials.entry
    if problem := problem_with(entry):
        return Finding("certificate", False, f"{entry} {problem}")
    until = entry.x509.not_valid_after_utc
    note = f"{entry}, until {certificates.stamp(until)}"
    if until - certificates.now() < _SOON:
        note += ": enrol anew soon"
    return Finding("certificate", True, note)


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


def _reach(host: str, port: int, site: SiteFile, credentials: Credentials) -> list[Finding]:
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
            found.append(Finding("server", False, f"is not ours: {error.verify_message}"))
        except (ssl.SSLError, OSError) as error:
            why = getattr(error, "reason", None) or str(error)
            found.append(Finding("server", False, f"refuses us: {why}"))
        else:
            why = (
                f"is ours, by {version}" if greeted else "refuses our certificate; its log says why"
            )
            found.append(Finding("server", bool(greeted), why))
    return found


async def _greet(site: SiteFile, credentials: Credentials) -> AsyncIterator[Finding]:
    address = site.study.section.server
    decoding = decoding_of(site.study)
    greeting = Greeting.of(site.study.digest, site.registry.digest, decoding)
    try:
        async with connect(address, credentials, replace(greeting, is_check=True)) as line:
            server = line.server
    except RefusedError as error:
        yield Finding("study", False, str(error))
        return
    except LinkLostError as error:
        yield Finding("study", False, str(error))
        return
    yield Finding("version", True, f"{server.package} there, {greeting.package} here")
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
