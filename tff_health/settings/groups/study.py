"""Settings of experiments that consist of several runs."""

from dataclasses import dataclass

from tff_health.settings.groups.attack import ATTACKS
from tff_health.settings.groups.run import MAX_SEED
from tff_health.settings.setting import Range, setting

DEFENCES = ("mean", "clipping", "groups", "bound", "kept_bound", "quality")
MODES = ("all", "deadline", "partial_work", "asynchronous")


@dataclass(frozen=True, kw_only=True)
class StudySettings:
    """What an experiment of several runs varies, and how often it repeats."""

    seeds: tuple[int, ...] = setting(
        "Seeds with each of which every run is repeated; means and deviations are shown.",
        (),
        default_text="by preset",
        range=Range(least=0, most=MAX_SEED),
        experiments=("schemes", "batch_size", "ablation", "poisoning", "privacy", "stragglers"),
    )
    encrypted_rounds: int = setting(
        "Rounds of scheme fang that are encrypted; the others are taken from bonawitz, whose model "
        "is the same bit for bit.",
        0,
        default_text="by preset",
        range=Range(least=1),
        unit="rounds",
        experiments=("schemes",),
    )
    baselines: bool = setting(
        "Whether each client is also trained alone, and one model on all data in one place.",
        True,
        experiments=("schemes",),
    )
    batch_sizes: tuple[int, ...] = setting(
        "Batch sizes that are compared.",
        (),
        default_text="by preset",
        range=Range(least=1, most=2**20),
        unit="examples",
        experiments=("batch_size",),
    )
    client_counts: tuple[int, ...] = setting(
        "Numbers of clients that are compared.",
        (),
        default_text="10,20,30",
        range=Range(least=3, most=1000),
        unit="clients",
        experiments=("dropout", "costs"),
    )
    dropout_rates: tuple[float, ...] = setting(
        "Shares of clients that drop out, which are compared.",
        (),
        default_text="0.0,0.1,0.2,0.3, but 0.0,0.3 for costs",
        range=Range(least=0, most=0.99),
        experiments=("dropout", "costs"),
    )
    slow_shares: tuple[float, ...] = setting(
        "Shares of the clients that are slow, which are compared.",
        (),
        default_text="0.0,0.1,0.3",
        range=Range(least=0, most=1),
        experiments=("stragglers",),
    )
    modes: tuple[str, ...] = setting(
        "Ways to treat slow clients, which are compared: to wait for all (all), to go on without "
        "those that are late (deadline), to have each do the steps that fit (partial_work), or to "
        "sum whoever is done (asynchronous).",
        (),
        default_text=",".join(MODES),
        choices=MODES,
        experiments=("stragglers",),
    )
    turns: int = setting(
        "How often each dropout rate is measured; what counts is the median.",
        0,
        default_text="by preset",
        range=Range(least=1),
        experiments=("dropout",),
    )
    epsilons: tuple[str, ...] = setting(
        "Privacy budgets that are compared; inf for training that is not private.",
        (),
        default_text="by preset, else 0.1,0.5,1,2,5,10,inf",
        experiments=("privacy", "privacy_tuning"),
    )
    trials: int = setting(
        "How many settings are tried for each epsilon.",
        0,
        default_text="by preset",
        range=Range(least=1),
        experiments=("privacy_tuning",),
    )
    attacks: tuple[str, ...] = setting(
        "What hostile clients do, of which each is tried: label_flip, scale, noise, backdoor, lie "
        "(with defence quality alone).",
        ATTACKS,
        choices=ATTACKS,
        experiments=("poisoning",),
    )
    hostile_shares: tuple[float, ...] = setting(
        "Shares of the clients that are hostile, which are compared; 0 is always there.",
        (0.1, 0.3),
        range=Range(above=0, below=1),
        experiments=("poisoning",),
    )
    defences: tuple[str, ...] = setting(
        "What is tried against them: nothing but the mean of a secure sum (mean), clients that "
        "clip their updates by themselves (clipping), groups (groups), a largest norm that is "
        "enforced (bound), the same against attackers who keep to it (kept_bound), and the "
        "paper's data quality (quality).",
        DEFENCES,
        choices=DEFENCES,
        experiments=("poisoning",),
    )
    strength: float = setting(
        "What attack scale multiplies its update with, and how many times longer than its update "
        "the noise of attack noise is.",
        10.0,
        range=Range(above=0, below=float("inf")),
        experiments=("poisoning",),
    )
    chosen: str = setting(
        "File with settings for each epsilon, as privacy_tuning writes it (chosen.json); 'none' to "
        "take all from flags and preset.",
        "",
        default_text="the file that comes with this package",
        experiments=("privacy",),
    )
    given: tuple[str, ...] = setting(
        "Settings that the user gave, which override chosen ones.",
        (),
        experiments=("privacy", "privacy_tuning"),
        is_own=True,
    )
