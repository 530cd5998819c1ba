"""The table of experiments: what each is for, where it stands, and its own defaults.

Which settings an experiment uses is written down with the settings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Experiment:
    """One row of the table.

    Attributes:
        name: as in `--experiment`.
        description: one line for people.
        runner: "module:function" that takes an `Invocation`; named by text so that this table can
            be read without importing it.
        named_by: names of the settings that stand in the name of its default folder.
        defaults: of settings, where they differ from those of experiment `train`.
        presets: that it knows.
        can_estimate: whether it can say beforehand what it will do, and how long that will take.
        trains: whether it runs rounds of training, and so uses the settings of training.
    """

    name: str
    description: str
    runner: str
    named_by: tuple[str, ...]
    defaults: Mapping[str, object] = field(default_factory=dict)
    presets: tuple[str, ...] = ("quick", "paper", "tuned")
    can_estimate: bool = False
    trains: bool = True


# The report's budgets. Drawn lesions are too few to learn under them: every model would name the
# most frequent class.
_FOR_BUDGETS = {
    "epsilons": ("0.1", "0.5", "1", "2", "5", "10", "inf"),
    "dataset": "digits",
}

EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            name="train",
            description="one scheme on one data set",
            runner="tff_health.experiments.train:run",
            named_by=("scheme", "dataset", "split"),
        ),
        Experiment(
            name="schemes",
            description="all five schemes under the same conditions: Table 1, Figures 5 to 7",
            runner="tff_health.experiments.schemes:run",
            named_by=("dataset", "split"),
            # Few rounds of a quick preset teach a compressing scheme nothing on drawn lesions.
            defaults={"dataset": "digits"},
            can_estimate=True,
        ),
        Experiment(
            name="batch_size",
            description="one scheme with batches of several sizes: Figure 4",
            runner="tff_health.experiments.batch_size:run",
            named_by=("scheme", "dataset", "split"),
            defaults={"scheme": "zhang"},
            can_estimate=True,
        ),
        Experiment(
            name="ablation",
            description="what each part of training beyond the paper gives, by switching it",
            runner="tff_health.experiments.ablation:run",
            named_by=("scheme", "dataset", "split"),
            can_estimate=True,
        ),
        Experiment(
            name="poisoning",
            description="what hostile clients do to the model, and what keeps them from it",
            runner="tff_health.experiments.poisoning:run",
            named_by=("dataset", "split"),
            defaults={"dataset": "digits", "update_norm": 1.0},
            can_estimate=True,
        ),
        Experiment(
            name="stragglers",
            description="slow clients that hold rare classes: waited for, left out, or given less",
            runner="tff_health.experiments.stragglers:run",
            named_by=("scheme", "dataset", "split"),
            defaults={
                **{"scheme": "bonawitz", "partition": "rare", "client_times": "equal"},
                **{"step_seconds": 0.02, "deadline_share": 0.7},
                **{"slow_shares": (0.0, 0.1, 0.3), "buffer_size": 5},
                "modes": ("all", "deadline", "partial_work", "asynchronous"),
            },
            can_estimate=True,
        ),
        Experiment(
            name="dropout",
            description="time of rounds that clients drop out of: Figure 8",
            runner="tff_health.experiments.dropout:run",
            named_by=("scheme", "dataset", "split"),
            defaults={
                **{"scheme": "zhang", "dropout_stages": ("masked input",)},
                **{"client_counts": (10, 20, 30), "dropout_rates": (0.0, 0.1, 0.2, 0.3)},
            },
        ),
        Experiment(
            name="statistics",
            description="what all clients' data are like, by one secure sum, before training",
            runner="tff_health.experiments.statistics:run",
            named_by=("dataset", "split"),
            presets=("quick",),
            trains=False,
        ),
        Experiment(
            name="costs",
            description="operations and bytes of scheme zhang against the formulas of section 6",
            runner="tff_health.experiments.costs:run",
            named_by=(),
            trains=False,
            defaults={
                **{"scheme": "zhang", "client_counts": (10, 20, 30)},
                "dropout_rates": (0.0, 0.3),
            },
        ),
        Experiment(
            name="privacy",
            description="accuracy and attacks over epsilon: the report's table and chart",
            runner="tff_health.experiments.privacy.budgets:run",
            named_by=("scheme", "dataset", "split"),
            defaults={
                **{"scheme": "bonawitz", "dp_noise": "local", "validation_fraction": 0.0},
                **_FOR_BUDGETS,
            },
            can_estimate=True,
        ),
        Experiment(
            name="privacy_tuning",
            description="settings for each epsilon, chosen on validation parts for privacy",
            runner="tff_health.experiments.privacy.tuning:run",
            named_by=("scheme", "dataset", "split"),
            defaults={
                **{"scheme": "fedavg", "dp_noise": "local"},
                **_FOR_BUDGETS,
            },
            can_estimate=True,
        ),
        Experiment(
            name="he",
            description="what one sum costs under each scheme of homomorphic encryption",
            runner="tff_health.experiments.he:run",
            named_by=(),
            trains=False,
            presets=("quick", "paper"),
        ),
    )
}

TRAINING = tuple(experiment.name for experiment in EXPERIMENTS.values() if experiment.trains)
"""The experiments that train."""


def training(*, but: tuple[str, ...] = (), also: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Returns the names of the experiments that train, without some, and with others."""
    return (*(name for name in TRAINING if name not in but), *also)
