"""The program of the server: it connects the sites, and runs the rounds of a study with them."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crypto.parties import SERVER
from crypto.session.apart.conductor import Conductor
from tff_health.errors import ConfigError
from tff_health.federation.carrier.hub import GrpcHub
from tff_health.federation.consortium.credentials import server_credentials
from tff_health.federation.consortium.registry import read_registry
from tff_health.federation.errors import FederationError
from tff_health.federation.programs.board import StatusBoard
from tff_health.federation.programs.parties import authority_key, needs_authority, protocol_of
from tff_health.federation.programs.server_run import ServerRun
from tff_health.federation.programs.study_data import decoding_of
from tff_health.federation.status.serving import LOOPBACK, StatusPage
from tff_health.federation.study import read_study

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServerPlaces:
    """Where the server finds and keeps things.

    Attributes:
        study: the study file.
        keys: folder of its keys.
        registry: the consortium's registry, which is read again whenever somebody connects.
        results: folder of the run.
        listen: host:port to listen at; empty: the port of the study, at all addresses.
        data: folder of data sets.
        images: test images, for a study on images of sites' own; None for others.
        cache: where tables are kept; None for in memory only.
        status: host:port of the status page; empty for none.
    """

    study: Path
    keys: Path
    registry: Path
    results: Path
    listen: str
    data: Path | None
    images: Path | None
    cache: Path | None
    status: str = ""


async def serve_study(places: ServerPlaces) -> int:
    """Runs a study from where it is to its end.

    Returns:
        the exit code.

    Raises:
        TffHealthError: if files, keys, data or sites do not allow it; what is done is kept.
    """
    study = read_study(places.study, places.images)
    registry = read_registry(places.registry)
    for client in study.clients:
        registry.member(client)  # says whether there is one
    credentials = server_credentials(places.keys, registry)
    protocol = protocol_of(study, registry, SERVER, None, places.cache)
    if needs_authority(protocol) and authority_key(registry) is None:
        raise FederationError(
            f"scheme {study.config.run.scheme} needs an authority, and the registry has none: "
            "sign one with --party authority"
        )
    run = await asyncio.to_thread(
        ServerRun,
        study,
        protocol,
        places.results,
        places.data,
        places.cache,
        credentials.identity,
        lambda: read_registry(places.registry),
    )
    port = study.section.server.rpartition(":")[2]
    spool = run.scratch / "arriving"  # not the system's, which may be memory
    spool.mkdir(mode=0o700, exist_ok=True)
    hub = GrpcHub(
        *(credentials, study.digest, lambda: read_registry(places.registry)),
        spool=spool,
        decoding=decoding_of(study),
    )
    address = places.listen or f"[::]:{port}"
    found = await hub.start(address)
    reason = "the server stops; it goes on when it is started again"
    try:
        log.info("study '%s': listening at port %d", study.section.name, found)
        conductor = Conductor(hub, study.section.stage_seconds)
        board = StatusBoard(
            study,
            lambda: read_registry(places.registry),
            hub,
            conductor,
            lambda: run.rows,
            run.missed,
        )
        with _status_page(board, places.status):
            print(await conductor.run(run.finish))
        reason = "the study is over"
    finally:
        await hub.close(reason)
        run.close()
    return 0


@contextlib.contextmanager
def _status_page(board: StatusBoard, address: str) -> Iterator[None]:
    """Serves the status page for as long as the block runs, if there is to be one."""
    if not address:
        yield
        return
    host, _, port = address.rpartition(":")
    if not port.isdecimal():
        raise ConfigError(f"--status={address}: must be host:port, or a port of this machine")
    with StatusPage(board.snapshot, host.strip("[]") or LOOPBACK, int(port)) as page:
        log.info("status page at %s", page.address)
        yield
