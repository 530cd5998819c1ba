"""What the status page shows, at one time. Nothing in it is secret."""

from dataclasses import dataclass
from typing import Final

CONNECTED: Final = "connected"
SILENT: Final = "silent"
AWAY: Final = "away"


@dataclass(frozen=True, kw_only=True)
class SiteStatus:
    """One site.

    Attributes:
        name: as in the registry.
        party: who it is, for people: "client 3".
        state: `CONNECTED`; `SILENT`, if it is connected and missed a deadline; or `AWAY`.
        since: Unix time of the last change of its state, in seconds; None if it never came.
        dropouts: rounds that it was invited to, and did not survive.
        late: answers that came after their deadline.
        bytes_up: of messages from it.
        bytes_down: of messages to it.
    """

    name: str
    party: str
    state: str
    since: float | None = None
    dropouts: int = 0
    late: int = 0
    bytes_up: int = 0
    bytes_down: int = 0


@dataclass(frozen=True, kw_only=True)
class RoundStatus:
    """One round that has ended.

    Attributes:
        number: of the round, from 1.
        seconds: that it took.
        cohort: how many were invited.
        survivors: how many the sum is over; 0 if there was none.
        outcome: "" if all went well, else what ended it.
        accuracy: of the model after it, from 0 to 1; None if it was not evaluated.
        epsilon: spent by the client that spent most; None without differential privacy.
        bytes_up: of messages from clients.
        bytes_down: of messages to clients.
        stages: stage -> seconds that it took.
    """

    number: int
    seconds: float
    cohort: int
    survivors: int
    outcome: str = ""
    accuracy: float | None = None
    epsilon: float | None = None
    bytes_up: int = 0
    bytes_down: int = 0
    stages: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, kw_only=True)
class ServerStatus:
    """The server.

    Attributes:
        study: its name.
        study_digest: as people compare it.
        registry_digest: likewise.
        scheme: of the study.
        version: of this package.
        now: Unix time, in seconds.
        started: when the program started, likewise.
        round_number: the round that runs, or comes next.
        rounds_in_all: of the study.
        stage: what is going on: the name of a stage, or what is waited for.
        stage_began: Unix time, in seconds.
        stage_seconds: the longest that the stage may take; None if it has no end.
        waiting_for: names of the sites that have not answered in this stage.
        sites: all of the study, also the authority or key holder.
        rounds: that have ended, in order.
    """

    study: str
    study_digest: str
    registry_digest: str
    scheme: str
    version: str
    now: float
    started: float
    round_number: int
    rounds_in_all: int
    stage: str
    stage_began: float
    stage_seconds: float | None = None
    waiting_for: tuple[str, ...] = ()
    sites: tuple[SiteStatus, ...] = ()
    rounds: tuple[RoundStatus, ...] = ()
