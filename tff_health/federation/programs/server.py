"""The program of the server: it connects the sites, and runs the rounds of a study with them."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from crypto.parties import SERVER
from crypto.session.apart.conductor import Conductor
from tff_health.errors import ConfigError
from tff_health.federation.carrier.hub import GrpcHub
from tff_health.federation.carrier.reception import Reception
from tff_health.federation.consortium.credentials import Credentials, server_credentials
from tff_health.federation.consortium.registry import Registry, read_registry
from tff_health.federation.errors import FederationError
from tff_health.federation.programs.board import StatusBoard
from tff_health.federation.programs.parties import (
    authority_key,
    needs_authority,
    protocol_of,
    validates,
)
from tff_health.federation.programs.server_run import ServerRun
from tff_health.federation.programs.study_data import decoding_of
from tff_health.federation.status.serving import LOOPBACK, StatusPage
from tff_health.federation.study import Study, read_address, read_study

log = logging.getLogger(__name__)
STAY_SECONDS = 300.0
"""How long a server stays once its study is over, unless the operator says otherwise."""


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
        status: host:port of the status page, or a port of this machine; empty for none.
        stay: seconds for which the server stays once the study is over, to tell it to who is away.

    Raises:
        ConfigError: if an address is none.
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
    stay: float = STAY_SECONDS

    def __post_init__(self) -> None:
        for name, address in (("listen", self.listen), ("status", self.status_address)):
            try:
                if address:
                    read_address(address, least_port=0)
            except ValueError as error:
                raise ConfigError(f"{name} is {address[:60]!r}, but {error}") from None

    @property
    def status_address(self) -> str:
        """host:port of the status page; empty for none."""
        return (
            f"{LOOPBACK}:{self.status}" if self.status and ":" not in self.status else self.status
        )


@dataclass(frozen=True)
class Opening:
    """What a carrier needs to let parties in.

    Attributes:
        study: which is run.
        credentials: the server's.
        registry: returns the registry as it is now.
        spool: folder of files for messages that find no room in memory.
        decoding: how the server decodes image files.
    """

    study: Study
    credentials: Credentials
    registry: Callable[[], Registry]
    spool: Path
    decoding: bytes


Open: TypeAlias = Callable[[Opening], Awaitable[Reception]]


async def serve_study(places: ServerPlaces, opening: Open | None = None) -> int:
    """Runs a study from where it is to its end.

    Args:
        places: where things are.
        opening: lets parties in; None for gRPC.

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
        protocol_of(study, registry, SERVER, None, places.cache) if validates(study) else None,
        places.results,
        places.data,
        places.cache,
        credentials.identity,
        lambda: read_registry(places.registry),
    )
    spool = run.scratch / "arriving"  # not the system's, which may be memory
    spool.mkdir(mode=0o700, exist_ok=True)
    what = Opening(
        *(study, credentials, lambda: read_registry(places.registry), spool, decoding_of(study))
    )
    hub = await (opening(what) if opening else _listen(what, places.listen))
    reason = "the server stops; it goes on when it is started again"
    try:
        conductor = Conductor(hub, study.section.stage_seconds)
        board = StatusBoard(
            study,
            lambda: read_registry(places.registry),
            hub,
            conductor,
            lambda: run.rows,
            run.missed,
        )
        with _status_page(board, places.status_address):
            await conductor.run(lambda asking: run.finish(asking, _show, places.stay))
        reason = "the study is over"
    finally:
        await hub.close(reason)
        run.close()
    return 0


def _show(text: str) -> None:
    print(text, flush=True)


async def _listen(what: Opening, listen: str) -> Reception:
    """Opens the port for gRPC."""
    section = what.study.section
    hub = GrpcHub(
        *(what.credentials, what.study.digest, what.registry),
        spool=what.spool,
        decoding=what.decoding,
    )
    found = await hub.start(listen or f"[::]:{section.server.rpartition(':')[2]}")
    log.info("study '%s': listening at port %d", section.name, found)
    return hub


@contextlib.contextmanager
def _status_page(board: StatusBoard, address: str) -> Iterator[None]:
    """Serves the status page for as long as the block runs, if there is to be one."""
    if not address:
        yield
        return
    with StatusPage(board.snapshot, *read_address(address, least_port=0)) as page:
        log.info("status page at %s", page.address)
        yield
