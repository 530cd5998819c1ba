"""Settings of who takes part in a round, and who drops out of it."""

from dataclasses import dataclass

from tff_health.settings.experiments import training
from tff_health.settings.groups.run import SHARING, SUMMING
from tff_health.settings.setting import COUNT, Range, setting

_DRAWING = training(but=("schemes", "dropout"))
_DROPPING = training(but=("schemes", "dropout"), also=("statistics",))


@dataclass(frozen=True, kw_only=True)
class CohortSettings:
    """Who takes part in a round, and who drops out of it."""

    num_clients: int = setting(
        "Number of clients.",
        range=COUNT,
        experiments=training(but=("dropout",), also=("statistics", "he")),
    )
    clients_per_round: int = setting(
        "Number of clients drawn for each round, which are its cohort.",
        default_text="all clients",
        range=Range(text="from 1 to --num_clients"),
        schemes=SHARING,
        experiments=_DRAWING,
    )
    dropout_rate: float = setting(
        "Share of a cohort that drops out in every round.",
        0.0,
        range=Range(least=0, below=1),
        schemes=SHARING,
        experiments=_DROPPING,
    )
    dropout_draw: str = setting(
        "Whether --dropout_rate is met exactly, or each client drops out independently of the "
        "others with that probability.",
        "exact",
        choices=("exact", "independent"),
        experiments=_DROPPING,
    )
    dropout_stages: tuple[str, ...] = setting(
        "Stages of the scheme's protocol at which clients drop out.",
        (),
        default_text="all stages, but 'masked input' for experiment dropout",
        schemes=SUMMING,
        experiments=training(but=("schemes",), also=("statistics",)),
    )
