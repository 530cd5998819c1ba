"""The command line: the only place where absl flags are defined.

Nothing here imports TensorFlow, so that `--help` and errors come at once.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from absl import flags

import models
from tff_health.aggregators.encoding import QUALITY_DISTANCES
from tff_health.data.catalog import DATA_SETS
from tff_health.data.folders import cache_folder, data_folder
from tff_health.errors import ConfigError
from tff_health.experiments.catalog import EXPERIMENTS
from tff_health.experiments.chosen_settings import CHOSEN
from tff_health.experiments.config import (
    COPIES_BY_SPLIT,
    PARTITIONS,
    SPLITS,
    Invocation,
    RunConfig,
)
from tff_health.experiments.presets import ALL_ROUNDS, PRESETS, preset_settings
from tff_health.experiments.privacy_settings import FINE_GRID, PRIVACY_DEFAULTS
from tff_health.experiments.scheme_settings import DROPOUT_DRAWS, SCHEME_DEFAULTS
from tff_health.privacy.accounting import ACCOUNTANTS
from tff_health.privacy.settings import ENGINES, NOISES, UNITS
from tff_health.reporting.results_folder import SCRATCH
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
    "dataset": "synthetic_lesions",
    "dropout_rate": 0.0,
    "dropout_draw": "exact",
    "validation_fraction": 0.1,
    "partition": "iid",
    "partition_alpha": 0.5,
    "noisy_clients": 0.3,
    "noisy_labels": 0.6,
    "local_epochs": 1,
    "client_momentum": 0.0,
    "decay_rounds": 0,
    "server_learning_rate": 1.0,
    "server_momentum": 0.0,
    "normalise": False,
    "train_flips": False,
    "train_rotations": False,
    "train_colours": 0.0,
    "test_flips": False,
    "test_rotations": False,
    "class_balance": 0.0,
    "eval_every": 1,
    "seed": 0,
    **SCHEME_DEFAULTS,
    **PRIVACY_DEFAULTS,
}
_MAX_PORT = 65535
_Number = TypeVar("_Number", int, float)
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
    for name in ("out_dir", "data_dir", "tff_workers"):
        if values[name].present and not values[name].value:  # as of a variable that is not set
            raise ConfigError(f"--{name}=: is empty; leave it out for its default (see --help)")
    config = _resolve(values)
    config.validate()
    out_dir = Path(values.out_dir) if values.out_dir else config.default_folder()
    data_dir = data_folder(values.data_dir, environment)
    workers = tuple(_worker_address(text) for text in values.tff_workers)
    cache_dir = cache_folder(environment) or out_dir / SCRATCH / "cache"
    return Invocation(config, data_dir, cache_dir, out_dir, workers, values.dry_run)


def _worker_address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= _MAX_PORT:
        raise ConfigError(f"--tff_workers={text}: must be host:port, several joined by commas")
    return text


def _resolve(values: flags.FlagValues) -> RunConfig:
    """Settles every setting: the flag, else the preset, else the default."""
    settings = dict(_DEFAULTS)
    experiment = values.experiment or settings["experiment"]
    if experiment in EXPERIMENTS:  # else it is refused with all that is wrong
        settings |= EXPERIMENTS[experiment].defaults
    dataset = settings["dataset"] if values.dataset is None else values.dataset
    for name, value, allowed in (
        ("preset", values.preset, PRESETS),
        ("dataset", dataset, tuple(DATA_SETS)),
    ):
        if value not in allowed:
            raise ConfigError(f"--{name}={value}: allowed are {', '.join(allowed)}")
    settings["split"] = DATA_SETS[dataset].splits[0]
    if experiment in EXPERIMENTS and values.preset not in EXPERIMENTS[experiment].presets:
        raise ConfigError(f"--preset={values.preset}: means nothing to --experiment={experiment}")
    settings |= preset_settings(values.preset, dataset, experiment)
    names = [field for field in RunConfig.__dataclass_fields__ if field in values]
    given = {name: values[name].value for name in names if values[name].value is not None}
    settings |= given
    if settings["dp_noise"] == "distributed":
        settings |= {n: value for n, value in FINE_GRID.items() if n not in given}
    workers = ["tff_workers"] if values.tff_workers else []
    _refuse_foreign(experiment, [*given, *workers])
    if values.dry_run and experiment in EXPERIMENTS and not EXPERIMENTS[experiment].can_estimate:
        raise ConfigError(f"--dry_run: means nothing to --experiment={experiment}")
    settings.setdefault("clients_per_round", settings["num_clients"])
    if settings["decay_rounds"] is ALL_ROUNDS:
        settings["decay_rounds"] = settings["rounds"]
    settings["dropout_stages"] = tuple(settings["dropout_stages"])
    for name in ("seeds", "batch_sizes", "client_counts"):
        settings[name] = _numbers(name, int, "whole numbers", settings.get(name, ()))
    rates = settings.get("dropout_rates", ())
    settings["dropout_rates"] = _numbers("dropout_rates", float, "numbers", rates)
    settings["epsilons"] = tuple(settings.get("epsilons", ()))
    if experiment in EXPERIMENTS and "given" in EXPERIMENTS[experiment].settings:
        settings["given"] = tuple(name for name in CHOSEN if name in given)
    if "augment_copies" not in given and settings["split"] in COPIES_BY_SPLIT:
        settings["augment_copies"] = COPIES_BY_SPLIT[settings["split"]]
    return RunConfig(**settings)


def _numbers(
    name: str, kind: Callable[[Any], _Number], what: str, given: Sequence[Any]
) -> tuple[_Number, ...]:
    try:
        return tuple(kind(number) for number in given)
    except ValueError:
        text = ",".join(map(str, given))
        raise ConfigError(f"--{name}={text}: must be {what}, joined by commas") from None


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
    _define_privacy(define)
    _define_studies(define)
    flags.DEFINE_boolean(
        "help", False, "Show this text.", short_name="h", flag_values=values, module_name=__name__
    )
    return values


def _define_data(define: _Definer) -> None:
    others = "".join(
        f", but {experiment.defaults['dataset']} for {experiment.name}"
        for experiment in EXPERIMENTS.values()
        if "dataset" in experiment.defaults
    )
    define.text(
        "dataset",
        None,
        f"Images: {', '.join(DATA_SETS)}. Default: {_DEFAULTS['dataset']}{others}.",
    )
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
    define.number(
        "validation_fraction",
        "Share of its examples that each client puts aside for validation."
        f"{_default('validation_fraction')}",
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
        "Fewest clients that can finish a secure sum; 0 for floor(2n/3) + 1 of n clients where "
        "they sign, else a majority. A lower number bears more dropouts, and fewer clients that "
        "collude with the server."
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
    define.number("client_momentum", f"Of that.{_default('client_momentum')}")
    define.integer(
        "decay_rounds",
        "Rounds over which the clients' learning rate falls to 0 along half a cosine; 0 to keep "
        f"it. Default: all rounds with --preset=tuned, else {_DEFAULTS['decay_rounds']}.",
    )
    define.number(
        "server_learning_rate",
        "Of the server, which takes the mean of updates for a gradient."
        f"{_default('server_learning_rate')}",
    )
    define.number("server_momentum", f"Of that.{_default('server_momentum')}")
    define.yes_or_no(
        "normalise",
        "Whether channels are standardised, by public constants of the data set."
        f"{_default('normalise')}",
    )
    define.yes_or_no(
        "train_flips",
        "Whether training images are flipped and transposed at random, anew in every epoch."
        f"{_default('train_flips')}",
    )
    define.yes_or_no(
        "train_rotations",
        "Whether training images are rotated by up to 45 degrees and scaled by up to 15 % at "
        f"random, anew in every epoch.{_default('train_rotations')}",
    )
    define.number(
        "train_colours",
        "How far contrast and colours of training images are changed at random, anew in every "
        "epoch: by up to so many standard deviations of their channels, 0 to 1; needs "
        f"--normalise.{_default('train_colours')}",
    )
    define.yes_or_no(
        "test_flips",
        "Whether the test part is judged by the mean answer over an image's symmetries, flips and "
        f"transposes; takes eight times as long.{_default('test_flips')}",
    )
    define.yes_or_no(
        "test_rotations",
        "Whether the test part is judged by the mean answer over an image as it is, rotated by 45 "
        "degrees, and 10 % larger and smaller, too; takes four times as long."
        f"{_default('test_rotations')}",
    )
    define.number(
        "class_balance",
        "How far clients even out their own classes, from 0 (not at all) to 1 (all classes equally "
        f"often).{_default('class_balance')}",
    )
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
        "commas. Their channel is not encrypted, and goes through no HTTP proxy, whatever the "
        "environment says. Default: this machine.",
    )
    define.text(
        "out_dir", None, "Folder of the results. Default: one below results/, by the settings."
    )


def _define_privacy(define: _Definer) -> None:
    define.choice(
        "dp_noise",
        NOISES,
        "Differential privacy. local: every client adds noise to each step, so that its update is "
        "private by itself; distributed: every client adds a share, so that the secure sum is; "
        "client: the server adds noise that hides whole clients, by adaptive clipping",
    )
    define.number(
        "epsilon",
        "Privacy budget of every client over all rounds: the noise follows from it, or training "
        "ends before it is exceeded if --noise_multiplier is given too; 0 for no budget."
        f"{_default('epsilon')}",
    )
    define.number("delta", f"Probability that epsilon may fail.{_default('delta')}")
    define.number(
        "noise_multiplier",
        "Standard deviation of the noise / clipping norm; 0 to have it follow from --epsilon."
        f"{_default('noise_multiplier')}",
    )
    define.number(
        "clipping_norm",
        "Largest L2 norm of one example's gradient; with --dp_noise=client, of an update in the "
        f"first round.{_default('clipping_norm')}",
    )
    define.integer(
        "lot_size",
        "Expected number of examples (lesions) in a step of private training, drawn by Poisson "
        f"sampling; takes the place of --batch_size.{_default('lot_size')}",
    )
    define.integer(
        "local_steps",
        "Steps of a client in a round of private training; takes the place of --local_epochs."
        f"{_default('local_steps')}",
    )
    define.choice("dp_unit", UNITS, "What epsilon protects: an image, or all images of a lesion")
    define.choice(
        "dp_engine",
        ENGINES,
        "How gradients are clipped: from layers' inputs and outputs, or by TF Privacy's own "
        "optimizer, which is slower and knows every layer",
    )
    define.choice("accountant", ACCOUNTANTS, "Of epsilon, both of dp_accounting")
    define.number(
        "honest_fraction",
        "Share of the clients in a sum whose part of distributed noise is counted on."
        f"{_default('honest_fraction')}",
    )
    define.integer(
        "noise_seed",
        "Draws lots and noise from this seed, to repeat a run; whoever knows it can take the noise "
        f"away. -1 for the operating system.{_default('noise_seed')}",
    )


def _define_studies(define: _Definer) -> None:
    define.names(
        "seeds",
        None,
        "Of experiments with several runs: each is run with each of these, joined by commas, and "
        "means and deviations are shown. Default: 0.",
    )
    define.names("batch_sizes", None, "Of experiment batch_size. Default: by preset.")
    define.names("client_counts", None, "Of experiment dropout. Default: 10,20,30.")
    define.names("dropout_rates", None, "Of experiment dropout. Default: 0,0.1,0.2,0.3.")
    define.integer(
        "turns",
        "How often experiment dropout measures each dropout rate; what counts is the median. "
        "Default: by preset.",
    )
    define.integer(
        "encrypted_rounds",
        "Rounds of fang that are encrypted in experiment schemes; the others are taken from "
        "bonawitz, whose model is the same bit for bit. Default: by preset.",
    )
    define.names(
        "epsilons",
        None,
        "Privacy budgets of experiments privacy and privacy_tuning; inf for none. Default: "
        "0.1,0.5,1,2,5,10,inf.",
    )
    define.integer(
        "trials",
        "How many settings privacy_tuning tries for each epsilon. Default: by preset.",
    )
    define.text(
        "chosen",
        None,
        "Settings for each epsilon, as privacy_tuning writes them (chosen.json); 'none' to take "
        "all from flags and preset. Default: those that come with this package.",
    )
    define.yes_or_no(
        "baselines",
        "Whether experiment schemes also trains each client alone, and on all data in one place. "
        "Default: True.",
    )
    define.yes_or_no(
        "dry_run", "Only say what would run, and how long it would take. Default: False."
    )
