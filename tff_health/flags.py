"""The command line: the only place where absl flags are defined.

Nothing here imports TensorFlow, so that `--help` and errors come at once.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags

import models
from tff_health.aggregators.encoding import QUALITY_DISTANCES
from tff_health.data.catalog import DATA_SETS
from tff_health.data.folders import cache_folder, data_folder
from tff_health.errors import ConfigError
from tff_health.experiments.catalog import EXPERIMENTS
from tff_health.experiments.config import (
    COPIES_BY_SPLIT,
    PARTITIONS,
    SPLITS,
    Invocation,
    RunConfig,
)
from tff_health.experiments.presets import PRESETS, preset_settings
from tff_health.experiments.scheme_settings import DROPOUT_DRAWS, SCHEME_DEFAULTS
from tff_health.runtime.bindings import (
    GROUPS,
    HE_SCHEMES,
    KEY_BITS,
    KEY_SETUPS,
    TOPOLOGIES,
)
from tff_health.schemes import SCHEMES

_DEFAULTS: dict[str, Any] = {
    "experiment": "train",
    "scheme": "fedavg",
    "dropout_rate": 0.0,
    "dropout_draw": "exact",
    "partition": "iid",
    "partition_alpha": 0.5,
    "noisy_clients": 0.3,
    "noisy_labels": 0.6,
    "local_epochs": 1,
    "eval_every": 1,
    "seed": 0,
    **SCHEME_DEFAULTS,
}
_MAX_PORT = 65535
_USAGE = """Trains image classifiers across clients that keep their images to themselves.

usage: python run_experiments.py [--flag=value ...]

Without flags: the quick preset on synthetic lesions. The same command goes on where a killed run
stopped. --flagfile=FILE reads flags from a file. More in README.md.
"""


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Invocation | str:
    """Parses and checks a command line.

    Args:
        arguments: program name and flags, as `sys.argv`.
        environment: as `os.environ`; only folders are taken from it.

    Returns:
        what to run, or the text to print for `--help`.

    Raises:
        ConfigError: if a flag is unknown or malformed, or the settings are not allowed together.
    """
    values = _define_flags()
    try:
        rest = values(list(arguments))[1:]
    except flags.Error as error:
        raise ConfigError(f"{error} (see --help)") from None
    if values.help:
        return f"{_USAGE}\n{values.module_help(__name__)}"
    if rest:
        raise ConfigError(f"'{rest[0]}' is not a flag; flags look like --rounds=40 (see --help)")
    config = _resolve(values)
    config.validate()
    out_dir = Path(values.out_dir) if values.out_dir else config.default_folder()
    data_dir = data_folder(values.data_dir, environment)
    workers = tuple(_worker_address(text) for text in values.tff_workers)
    return Invocation(config, data_dir, cache_folder(environment), out_dir, workers)


def _worker_address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= _MAX_PORT:
        raise ConfigError(f"--tff_workers={text}: must be host:port, several joined by commas")
    return text


def _resolve(values: flags.FlagValues) -> RunConfig:
    """Settles every setting: the flag, else the preset, else the default."""
    for name, allowed in (("preset", PRESETS), ("dataset", tuple(DATA_SETS))):
        if values[name].value not in allowed:
            raise ConfigError(f"--{name}={values[name].value}: allowed are {', '.join(allowed)}")
    dataset = values.dataset
    settings = {"split": DATA_SETS[dataset].splits[0], **_DEFAULTS}
    settings |= preset_settings(values.preset, dataset)
    names = [field for field in RunConfig.__dataclass_fields__ if field in values]
    given = {name: values[name].value for name in names if values[name].value is not None}
    settings |= given
    workers = ["tff_workers"] if values.tff_workers else []
    _refuse_foreign(settings["experiment"], [*given, *workers])
    settings.setdefault("clients_per_round", settings["num_clients"])
    settings["dropout_stages"] = tuple(settings["dropout_stages"])
    if "augment_copies" not in given and settings["split"] in COPIES_BY_SPLIT:
        settings["augment_copies"] = COPIES_BY_SPLIT[settings["split"]]
    return RunConfig(**settings)


def _refuse_foreign(experiment: str, given: Sequence[str]) -> None:
    """Refuses flags that mean nothing to the experiment."""
    if experiment not in EXPERIMENTS:
        return  # which is said with all else that is wrong
    known = {"experiment", "preset", *EXPERIMENTS[experiment].settings}
    if foreign := [f"--{name}" for name in given if name not in known]:
        raise ConfigError(f"{', '.join(foreign)}: means nothing to --experiment={experiment}")


class _Definer:
    """Defines flags in one set of values."""

    def __init__(self, values: flags.FlagValues) -> None:
        self._place: dict[str, Any] = {"flag_values": values, "module_name": __name__}

    def text(self, name: str, default: str | None, about: str) -> None:
        flags.DEFINE_string(name, default, about, **self._place)

    def integer(self, name: str, about: str) -> None:
        flags.DEFINE_integer(name, None, about, **self._place)

    def number(self, name: str, about: str) -> None:
        flags.DEFINE_float(name, None, about, **self._place)

    def yes_or_no(self, name: str, about: str) -> None:
        flags.DEFINE_boolean(name, None, about, **self._place)

    def names(self, name: str, default: list[str] | None, about: str) -> None:
        flags.DEFINE_list(name, default, about, **self._place)

    def choice(self, name: str, allowed: Sequence[str], about: str) -> None:
        self.text(name, None, f"{about}: {', '.join(allowed)}.{_default(name)}")


def _default(name: str) -> str:
    return f" Default: {_DEFAULTS[name]}." if name in _DEFAULTS else " Default: by preset."


def _define_flags() -> flags.FlagValues:
    values = flags.FlagValues()
    define = _Definer(values)
    lines = "; ".join(f"{e.name}, {e.description}" for e in EXPERIMENTS.values())
    define.text("experiment", None, f"What to run: {lines}.{_default('experiment')}")
    define.choice("scheme", tuple(SCHEMES), "How the clients' updates are weighted and protected")
    define.text("preset", "quick", f"Settings that go together: {', '.join(PRESETS)}.")
    _define_data(define)
    _define_sums(define)
    _define_quality(define)
    _define_encryption(define)
    _define_training(define)
    flags.DEFINE_boolean(
        "help", False, "Show this text.", short_name="h", flag_values=values, module_name=__name__
    )
    return values


def _define_data(define: _Definer) -> None:
    define.text("dataset", "synthetic_lesions", f"Images: {', '.join(DATA_SETS)}.")
    define.text(
        "data_dir",
        None,
        "Folder of the data files. Default: $TFF_HEALTH_DATA_DIR, else the user's cache folder.",
    )
    define.text(
        "split",
        None,
        f"Training and test part: {', '.join(SPLITS)}. 'paper' is as published and leaks. "
        "Default: by preset, else 'given' where the publisher gives one, else 'clean'.",
    )
    define.integer(
        "augment_copies",
        "Augmented copies of each training image under the 'clean' split, 0 to 8; 'paper' has 8 "
        "by definition. Default: by preset.",
    )
    define.choice("partition", PARTITIONS, "How the training part is shared out among the clients")
    define.number("partition_alpha", f"Concentration of 'dirichlet'.{_default('partition_alpha')}")
    define.number(
        "noisy_clients", f"Fraction of clients for 'label_noise'.{_default('noisy_clients')}"
    )
    define.number("noisy_labels", f"Fraction of wrong labels there.{_default('noisy_labels')}")


def _define_sums(define: _Definer) -> None:
    define.integer("num_clients", "Number of clients. Default: by preset.")
    define.integer(
        "clients_per_round", "Clients drawn for each round, its cohort. Default: all of them."
    )
    define.number(
        "dropout_rate",
        f"Share of a cohort that drops out in every round.{_default('dropout_rate')}",
    )
    define.choice(
        "dropout_draw",
        DROPOUT_DRAWS,
        "Whether that share is met exactly, or clients drop out independently of each other",
    )
    define.names(
        "dropout_stages",
        None,
        "Stages of the scheme's protocol at which clients drop out, joined by commas. "
        "Default: all.",
    )
    define.integer(
        "threshold",
        "Fewest clients that can finish a secure sum; 0 for the smallest safe number."
        f"{_default('threshold')}",
    )
    define.choice("topology", TOPOLOGIES, "Who masks with whom: everyone, or a sparse graph")
    define.yes_or_no(
        "signatures",
        "Whether clients sign their messages, against a server that does not follow the protocol."
        f"{_default('signatures')}",
    )
    define.integer(
        "fraction_bits",
        "Updates are rounded to multiples of 2^-fraction_bits for a secure sum."
        f"{_default('fraction_bits')}",
    )
    define.number(
        "clip_range",
        f"Largest magnitude of a coordinate of an update in a secure sum.{_default('clip_range')}",
    )
    define.yes_or_no(
        "secure_metrics",
        f"Whether the clients' metrics are summed securely as well.{_default('secure_metrics')}",
    )


def _define_quality(define: _Definer) -> None:
    define.integer(
        "quality_decimals",
        f"Decimal places of a data quality, the paper's n.{_default('quality_decimals')}",
    )
    define.choice(
        "quality_distance",
        QUALITY_DISTANCES,
        "Distance of gradients in eq. (14): sum of squares, its root, or the sum in which opposite "
        "signs count four times",
    )
    define.number(
        "max_quality",
        "Upper end of the public range of data qualities; larger ones count as this."
        f"{_default('max_quality')}",
    )
    define.integer("phi", f"The paper's public factor in eq. (16).{_default('phi')}")
    define.choice("group", tuple(GROUPS), "Where qualities are encrypted")
    define.choice(
        "key_setup",
        KEY_SETUPS,
        "Who makes the keys: a trusted authority, or the clients among themselves",
    )
    define.yes_or_no(
        "proofs",
        "Whether qualities are proven to lie in their range and partial decryptions to be right."
        f"{_default('proofs')}",
    )


def _define_encryption(define: _Definer) -> None:
    define.integer(
        "vector_length",
        "Numbers in a client's vector, for experiment he. Default: the model's parameters.",
    )
    define.choice("he", HE_SCHEMES, "Homomorphic encryption of updates; ckks needs package tenseal")
    define.integer(
        "key_bits",
        f"Bits of a Paillier key: {', '.join(map(str, KEY_BITS))}.{_default('key_bits')}",
    )
    define.number(
        "sparsity", f"Share of an update's coordinates that is sent.{_default('sparsity')}"
    )


def _define_training(define: _Definer) -> None:
    define.integer("rounds", "Training rounds. Default: by preset.")
    define.integer("batch_size", "Examples a step at a client. Default: by preset.")
    define.integer("local_epochs", f"Passes over its examples a round.{_default('local_epochs')}")
    define.number("learning_rate", "Of the clients' gradient descent. Default: by preset.")
    define.text(
        "model",
        None,
        f"Keras model: {', '.join(models.MODELS)}, or module:function for your own, called with "
        "input_shape and num_classes. Default: by preset.",
    )
    define.integer(
        "eval_every", "Rounds from one evaluation to the next. Default: by preset, else 1."
    )
    define.integer("seed", f"Of everything random but keys.{_default('seed')}")
    define.names(
        "tff_workers",
        [],
        "host:port of machines that train the clients (python -m tff_health.worker), joined by "
        "commas. Their channel is not encrypted. Default: this machine.",
    )
    define.text(
        "out_dir", None, "Folder of the results. Default: one below results/, by the settings."
    )
