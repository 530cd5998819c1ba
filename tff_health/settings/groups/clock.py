"""Settings of virtual time: how fast simulated clients are, and how long rounds wait for them."""

from dataclasses import dataclass

from tff_health.settings.groups.run import SHARING
from tff_health.settings.setting import MAX_COUNT, POSITIVE, Range, setting

_CLOCKED = ("train", "stragglers")
_RUN = ("train",)
_SECONDS = Range(least=0, far=MAX_COUNT, text="0 or more")
_SPREAD = Range(least=0, most=3)
CLIENT_TIMES = ("none", "equal", "drawn")
PARTIAL_WORK = ("none", "fednova")
STALENESS = ("root", "none")


@dataclass(frozen=True, kw_only=True)
class ClockSettings:
    """How fast simulated clients are, and how long rounds wait for them."""

    client_times: str = setting(
        "How fast clients are: there is no virtual time (none), all are alike (equal), speeds and "
        "bandwidths are log-normal, drawn from the seed (drawn), or they stand in a CSV file, of "
        "which this is the path.",
        "none",
        default_text="none, but equal for experiment stragglers",
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
        default_text="0, but 0.02 for experiment stragglers",
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
        experiments=_CLOCKED,
    )
    deadline_share: float = setting(
        "Share of a cohort whose whole work is to be in time, to which the deadline adapts from "
        "round to round; 0 to leave it as it is.",
        0.0,
        default_text="0, but 0.7 for experiment stragglers",
        range=Range(least=0, most=1),
        schemes=SHARING,
        experiments=_CLOCKED,
    )
    deadline_slack: float = setting(
        "How many times as long as --deadline, or as what it adapts to, updates are waited for: "
        "time for others to do a part with --partial_work.",
        1.0,
        range=Range(least=1, most=1000),
        schemes=SHARING,
        experiments=_RUN,
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
    buffer_size: int = setting(
        "Updates in a buffer of asynchronous training (FedBuff): clients train on the model that "
        "they were given last, and every so many that are done form a secure sum among just these; "
        "0 for rounds, in which all train on the same model.",
        0,
        default_text="0, but 5 for experiment stragglers",
        range=Range(least=0, far=MAX_COUNT, text="0 (for rounds) or more"),
        unit="clients",
        schemes=SHARING,
        experiments=_CLOCKED,
    )
    staleness: str = setting(
        "What an update counts in a buffer whose model is several buffers old: as much as others "
        "(none), or 1 / sqrt(1 + age) (root).",
        STALENESS[0],
        choices=STALENESS,
        schemes=SHARING,
        experiments=_CLOCKED,
    )
