"""The table of experiments: what each is for, where it stands, and which settings it knows."""

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
        settings: names of the flags that mean something to it, beside those of folders.
        named_by: those that stand in the name of its default folder.
        defaults: of settings, where they differ from those of experiment `train`.
        presets: that it knows.
        can_estimate: whether it can say beforehand what it will do, and how long that will take.
    """

    name: str
    description: str
    runner: str
    settings: tuple[str, ...]
    named_by: tuple[str, ...]
    defaults: Mapping[str, object] = field(default_factory=dict)
    presets: tuple[str, ...] = ("quick", "paper", "tuned")
    can_estimate: bool = False


_PRIVACY = (
    *("dp_noise", "dp_engine", "dp_unit", "epsilon", "delta", "noise_multiplier"),
    *("clipping_norm", "lot_size", "local_steps", "accountant", "honest_fraction", "noise_seed"),
)

_TRAINING = (
    "scheme",
    "dataset",
    "split",
    "augment_copies",
    "validation_fraction",
    "partition",
    "partition_alpha",
    "noisy_clients",
    "noisy_labels",
    "num_clients",
    "clients_per_round",
    "dropout_rate",
    "dropout_draw",
    "dropout_stages",
    "threshold",
    "topology",
    "signatures",
    "fraction_bits",
    "clip_range",
    "secure_metrics",
    "quality_decimals",
    "quality_distance",
    "max_quality",
    "phi",
    "group",
    "key_setup",
    "proofs",
    "he",
    "key_bits",
    "sparsity",
    "rounds",
    "batch_size",
    "local_epochs",
    "learning_rate",
    "client_momentum",
    "decay_rounds",
    "server_learning_rate",
    "server_momentum",
    "normalise",
    "train_flips",
    "train_rotations",
    "train_colours",
    "test_flips",
    "test_rotations",
    "class_balance",
    "model",
    *_PRIVACY,
    "eval_every",
    "seed",
    "tff_workers",
)

# The report's budgets. Drawn lesions are too few to learn under them: every model would name the
# most frequent class.
_FOR_BUDGETS = {
    "epsilons": ["0.1", "0.5", "1", "2", "5", "10", "inf"],
    "dataset": "digits",
}
_DROPPING = ("clients_per_round", "dropout_rate", "dropout_draw", "dropout_stages")


def _training_but(*names: str) -> tuple[str, ...]:
    return tuple(name for name in _TRAINING if name not in names)


EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            name="train",
            description="one scheme on one data set",
            runner="tff_health.experiments.train:run",
            settings=_TRAINING,
            named_by=("scheme", "dataset", "split"),
        ),
        Experiment(
            name="schemes",
            description="all five schemes under the same conditions: Table 1, Figures 5 to 7",
            runner="tff_health.experiments.schemes:run",
            settings=(
                *_training_but("scheme", "seed", "topology", "proofs", *_DROPPING),
                "seeds",
                "encrypted_rounds",
                "baselines",
            ),
            named_by=("dataset", "split"),
            # Few rounds of a quick preset teach a compressing scheme nothing on drawn lesions.
            defaults={"dataset": "digits"},
            can_estimate=True,
        ),
        Experiment(
            name="batch_size",
            description="one scheme with batches of several sizes: Figure 4",
            runner="tff_health.experiments.batch_size:run",
            settings=(*_training_but("seed", "batch_size"), "seeds", "batch_sizes"),
            named_by=("scheme", "dataset", "split"),
            defaults={"scheme": "zhang"},
            can_estimate=True,
        ),
        Experiment(
            name="ablation",
            description="what each part of training beyond the paper gives, by switching it",
            runner="tff_health.experiments.ablation:run",
            settings=(*_training_but("seed", *_PRIVACY), "seeds"),
            named_by=("scheme", "dataset", "split"),
            can_estimate=True,
        ),
        Experiment(
            name="dropout",
            description="time of rounds that clients drop out of: Figure 8",
            runner="tff_health.experiments.dropout:run",
            settings=(
                *_training_but("num_clients", *_DROPPING[:3], "rounds", "eval_every"),
                *("client_counts", "dropout_rates", "turns"),
            ),
            named_by=("scheme", "dataset", "split"),
            defaults={
                **{"scheme": "zhang", "dropout_stages": ["masked input"]},
                **{"client_counts": [10, 20, 30], "dropout_rates": [0.0, 0.1, 0.2, 0.3]},
            },
        ),
        Experiment(
            name="costs",
            description="operations and bytes of scheme zhang against the formulas of section 6",
            runner="tff_health.experiments.costs:run",
            settings=(
                *("dataset", "model", "vector_length", "client_counts", "dropout_rates"),
                *("threshold", "group", "fraction_bits", "clip_range"),
                *("quality_decimals", "max_quality"),
            ),
            named_by=(),
            defaults={
                **{"scheme": "zhang", "client_counts": [10, 20, 30]},
                "dropout_rates": [0.0, 0.3],
            },
        ),
        Experiment(
            name="privacy",
            description="accuracy and attacks over epsilon: the report's table and chart",
            runner="tff_health.experiments.privacy:run",
            settings=(
                *_training_but("seed", "epsilon", "noise_multiplier"),
                *("seeds", "epsilons", "chosen", "given"),
            ),
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
            runner="tff_health.experiments.privacy_tuning:run",
            settings=(
                *_training_but("epsilon", "noise_multiplier"),
                *("epsilons", "trials", "given"),
            ),
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
            settings=(
                "dataset",
                "model",
                "vector_length",
                "num_clients",
                "fraction_bits",
                "clip_range",
                "seed",
            ),
            named_by=(),
            presets=("quick", "paper"),
        ),
    )
}
