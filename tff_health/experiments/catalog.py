"""The table of experiments: what each is for, where it stands, and which settings it knows."""

from dataclasses import dataclass


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
    """

    name: str
    description: str
    runner: str
    settings: tuple[str, ...]
    named_by: tuple[str, ...]


_TRAINING = (
    "scheme",
    "dataset",
    "split",
    "augment_copies",
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
    "model",
    "eval_every",
    "seed",
    "tff_workers",
)

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
        ),
    )
}
