"""Settings of virtual time: how fast simulated clients are, and how long rounds wait for them."""

from dataclasses import dataclass

from tff_health.settings.groups.run import SHARING
from tff_health.settings.setting import MAX_COUNT, POSITIVE, Range, setting

_CLOCKED = _RUN = ("train",)
_SECONDS = Range(least=0, far=MAX_COUNT, text="0 or more")
_SPREAD = Range(least=0, most=3)
CLIENT_TIMES = ("none", "equal", "drawn")
PARTIAL_WORK = ("none", "fednova")


@dataclass(frozen=True, kw_only=True)
class ClockSettings:
    """How fast simulated clients are, and how long rounds wait for them."""

    client_times: str = setting(
        "How fast clients are: there is no virtual time (none), all are alike (equal), speeds and "
        "bandwidths are log-normal, drawn from the seed (drawn), or they stand in a CSV file, of "
        "which this is the path.",
        "none",
        schemes=SHARING,
        experiments=_CLOCKED,
    )
    speed_spread: float = setting(
        "Standard deviation of the logarithm of clients' speeds with --client_times=drawn.",
        0.7,
        range=_SPREAD,
        schemes=SHARING,
        experiments=_CLOCKED,
    )
    bandwidth: float = setting(
        "Bandwidth of clients' lines, either way; the median with --client_times=drawn.",
        100.0,
        range=POSITIVE,
        unit="megabits a second",
        schemes=SHARING,
        experiments=_CLOCKED,
    )
    bandwidth_spread: float = setting(
        "Standard deviation of the logarithm of bandwidths with --client_times=drawn.",
        1.0,
        range=_SPREAD,
        schemes=SHARING,
        experiments=_CLOCKED,
    )
    availability: float = setting(
        "Share of every --availability_period for which a client is on; when it comes on is drawn.",
        1.0,
        range=Range(above=0, most=1),
        schemes=SHARING,
        experiments=_CLOCKED,
    )
    availability_period: float = setting(
        "Virtual seconds after which clients come on again.",
        86_400.0,
        range=POSITIVE,
        unit="seconds",
        schemes=SHARING,
        experiments=_CLOCKED,
    )
    slow_clients: float = setting(
        "Share of the clients, the last ones, that compute slower than the others.",
        0.0,
        range=Range(least=0, most=1),
        schemes=SHARING,
        experiments=_RUN,
    )
    slow_factor: float = setting(
        "How many times slower these compute.",
        10.0,
        range=Range(least=1, most=10_000),
        schemes=SHARING,
        experiments=_CLOCKED,
    )
    step_seconds: float = setting(
        "Seconds of one training step of a client of speed 1; 0 to measure them once.",
        0.0,
        range=_SECONDS,
        unit="seconds",
        schemes=SHARING,
        experiments=_CLOCKED,
    )
    stage_seconds: tuple[float, ...] = setting(
        "Seconds that a client of speed 1 computes in each stage of the scheme's protocol, and "
        "then those of the server in each.",
        (),
        default_text="measured once",
        range=_SECONDS,
        unit="seconds",
        schemes=SHARING,
        experiments=_CLOCKED,
    )
    deadline: float = setting(
        "Virtual seconds from the beginning of training after which updates are too late; 0 to "
        "wait for all. A late client counts as one that drops out.",
        0.0,
        range=_SECONDS,
        unit="seconds",
        schemes=SHARING,
        experiments=_RUN,
    )
    deadline_share: float = setting(
        "Share of a cohort whose whole work is to be in time, to which the deadline adapts from "
        "round to round; 0 to leave it as it is.",
        0.0,
        range=Range(least=0, most=1),
        schemes=SHARING,
        experiments=_CLOCKED,
    )
    over_selection: float = setting(
        "How many more clients are drawn than --clients_per_round, as a share of these; the first "
        "--clients_per_round updates that arrive count.",
        0.0,
        range=Range(least=0, most=1),
        schemes=SHARING,
        experiments=_RUN,
    )
    partial_work: str = setting(
        "Whether clients do as many steps as fit before the deadline, and are averaged by FedNova, "
        "so that those who do more do not count more (fednova), or the whole work always (none).",
        PARTIAL_WORK[0],
        choices=PARTIAL_WORK,
        schemes=SHARING,
        experiments=_RUN,
    )
