"""What the status page shows of a running server."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import tff_health
from crypto.parties import AUTHORITY, Party, describe
from crypto.session.apart.conductor import Conductor
from tff_health.federation.carrier.reception import Reception
from tff_health.federation.consortium.digests import spoken
from tff_health.federation.consortium.registry import Registry
from tff_health.federation.rounds.messages import CLOSE, END, TASK, TRAIN, VALIDATE
from tff_health.federation.status.snapshot import (
    AWAY,
    CONNECTED,
    SILENT,
    RoundStatus,
    ServerStatus,
    SiteStatus,
)
from tff_health.federation.study import Study

_COMPUTING = "computing at the server"
_AROUND = {
    TRAIN: "training at the sites",
    VALIDATE: "validating at the sites",
    CLOSE: "telling sites how the round ended",
    END: "telling sites that the study is over",
}
_WAIT = 5.0
_SHORTEST = 0.05
_TIMES = {
    "training": "training",
    "client_crypto": "clients' cryptography",
    "server_crypto": "server's",
    "holder_crypto": "key holder's",
    "evaluation": "evaluation",
}


class StatusBoard:
    """Makes snapshots of a server; belongs to its event loop, and may be asked in any thread.

    Args:
        study: what it runs.
        registry: returns the registry as it is now.
        hub: the connections.
        conductor: the session that runs.
        rows: returns the rows of metrics.csv so far.
        missed: returns how many rounds each client was invited to and did not survive.
    """

    def __init__(
        self,
        study: Study,
        registry: Callable[[], Registry],
        hub: Reception,
        conductor: Conductor,
        rows: Callable[[], list[dict[str, Any]]],
        missed: Mapping[Party, int],
    ) -> None:
        self._study = study
        self._registry = registry
        self._hub = hub
        self._conductor = conductor
        self._rows = rows
        self._missed = missed
        self._loop = asyncio.get_running_loop()
        self._started = time.time()
        self._computing_since: float | None = None

    def snapshot(self) -> ServerStatus:
        """Returns what is to be shown now; TimeoutError if the server is too busy to say."""
        return asyncio.run_coroutine_threadsafe(self._snapshot(), self._loop).result(_WAIT)

    async def _snapshot(self) -> ServerStatus:
        registry, now = self._registry(), time.time()
        rows = list(self._rows())
        doing = self._conductor.doing
        names: dict[Party, str] = {member.party: member.name for member in registry.members}
        stage, since, limit = _COMPUTING, self._computing_since or now, None
        awaited: Iterable[Party] = ()
        if doing is not None:
            stage = _AROUND.get(doing.stage, "") if doing.task == TASK else doing.stage
            since, limit, awaited = now - doing.seconds, doing.limit, doing.waiting
        elif (seconds := self._conductor.listens) is not None:
            stage, since = "waiting for sites", now - seconds
            awaited = set(self._study.clients) - self._conductor.present
        self._computing_since = since if stage == _COMPUTING else None
        waiting = tuple(sorted(names.get(party, describe(party)) for party in awaited))
        return ServerStatus(
            study=self._study.section.name,
            study_digest=spoken(self._study.digest),
            registry_digest=spoken(registry.digest),
            scheme=self._study.config.run.scheme,
            version=tff_health.__version__,
            now=now,
            started=self._started,
            round_number=len(rows) + 1,
            rounds_in_all=self._study.config.training.rounds,
            stage=stage,
            stage_began=since,
            stage_seconds=limit,
            waiting_for=waiting,
            sites=tuple(
                self._site(member.name, member.party)
                for member in registry.members
                if member.party in self._study.clients
                or (member.party == AUTHORITY and AUTHORITY in self._hub.since)
            ),
            rounds=tuple(map(_round, rows)),
        )

    def _site(self, name: str, party: Party) -> SiteStatus:
        state = CONNECTED if party in self._hub.connected else AWAY
        if party in self._conductor.silent:
            state = SILENT
        traffic = self._hub.traffic[party]
        return SiteStatus(
            name=name,
            party=describe(party),
            state=state,
            since=self._hub.since.get(party),
            dropouts=self._missed.get(party, 0),
            late=self._conductor.late(party),
            bytes_up=traffic.received,
            bytes_down=traffic.sent,
        )


def _round(row: Mapping[str, Any]) -> RoundStatus:
    """Returns a row of metrics.csv as the page shows it."""

    def number(name: str) -> float | None:
        value = row.get(name)
        return None if value in (None, "") else float(str(value))

    times = ((shown, number(f"seconds_{name}")) for name, shown in _TIMES.items())
    return RoundStatus(
        number=int(number("round") or 0),
        seconds=number("seconds_total") or 0.0,
        cohort=int(number("cohort") or 0),
        survivors=int(number("survivors") or 0),
        outcome="lost: too few sites were left" if number("lost") else "",
        accuracy=number("test_accuracy"),
        epsilon=number("epsilon"),
        bytes_up=int(number("bytes_up") or 0),
        bytes_down=int(number("bytes_down") or 0),
        stages=tuple(
            (name, seconds) for name, seconds in times if seconds and seconds >= _SHORTEST
        ),
    )
