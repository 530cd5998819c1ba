"""The settings of a run: a plain value, checked as a whole before anything is started."""

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path

import models
from tff_health.aggregators.encoding import (
    QUALITY_DISTANCES,
    FixedPoint,
    fixed_point,
    modulus_bits,
    value_bits,
)
from tff_health.data import augment
from tff_health.data.catalog import DATA_SETS
from tff_health.data.partition import PartitionSpec
from tff_health.data.scaling import Scaling
from tff_health.errors import ConfigError
from tff_health.experiments import privacy_settings, scheme_settings
from tff_health.experiments.catalog import EXPERIMENTS
from tff_health.experiments.counts import MAX_COUNT, MAX_SEED, count_problems
from tff_health.runtime import bindings
from tff_health.schemes import SCHEMES

PARTITIONS = ("iid", "dirichlet", "source", "label_noise")
SPLITS = ("clean", "paper", "given")
# Splits that say themselves how many augmented copies of an image there are.
COPIES_BY_SPLIT = {"paper": augment.COPIES, "given": 0}
_MAX_BATCH = 2**20
_MAX_CLIENTS = 1000
_MAX_RATE = 0.99
# What float32, in which networks are trained, tells from 0 and from infinity.
_SMALLEST, _LARGEST = 1e-30, 1e30
_FEWEST_CLIENTS = 3
_MAX_VECTOR_LENGTH = 10**8


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What decides the outcome of a run; see `flags.py` for what each setting means."""

    experiment: str
    scheme: str
    dataset: str
    split: str
    augment_copies: int
    validation_fraction: float
    partition: str
    partition_alpha: float
    noisy_clients: float
    noisy_labels: float
    num_clients: int
    clients_per_round: int
    dropout_rate: float
    dropout_draw: str
    dropout_stages: tuple[str, ...]
    threshold: int
    topology: str
    signatures: bool
    fraction_bits: int
    clip_range: float
    secure_metrics: bool
    quality_decimals: int
    quality_distance: str
    max_quality: float
    phi: int
    group: str
    key_setup: str
    proofs: bool
    he: str
    key_bits: int
    sparsity: float
    rounds: int
    batch_size: int
    local_epochs: int
    learning_rate: float
    client_momentum: float
    decay_rounds: int
    server_learning_rate: float
    server_momentum: float
    normalise: bool
    train_flips: bool
    train_rotations: bool
    train_colours: float
    test_flips: bool
    test_rotations: bool
    class_balance: float
    model: str
    dp_noise: str
    dp_engine: str
    dp_unit: str
    epsilon: float
    delta: float
    noise_multiplier: float
    clipping_norm: float
    lot_size: int
    local_steps: int
    accountant: str
    honest_fraction: float
    noise_seed: int
    eval_every: int
    seed: int
    preset: str
    vector_length: int = 0
    seeds: tuple[int, ...] = ()
    encrypted_rounds: int = 0
    baselines: bool = True
    batch_sizes: tuple[int, ...] = ()
    client_counts: tuple[int, ...] = ()
    dropout_rates: tuple[float, ...] = ()
    turns: int = 0
    epsilons: tuple[str, ...] = ()
    trials: int = 0
    chosen: str = ""
    given: tuple[str, ...] = ()

    def validate(self) -> None:
        """Checks every setting, and all of them together, without importing TensorFlow.

        Raises:
            ConfigError: with every problem found, one a line.
        """
        problems = [
            *self._choice_problems(),
            *self._range_problems(),
            *self._joint_problems(),
            *scheme_settings.range_problems(self),
            *privacy_settings.range_problems(self),
        ]
        if not problems:
            problems += self._study_problems(EXPERIMENTS[self.experiment].settings)
        if not problems and "scheme" in EXPERIMENTS[self.experiment].settings:
            problems = [
                *scheme_settings.scheme_problems(self),
                *privacy_settings.problems(self),
            ]
        elif not problems:
            problems = self._sum_problems()
        if problems:
            raise ConfigError("\n".join(problems))

    def _choice_problems(self) -> list[str]:
        choices = {
            "experiment": tuple(EXPERIMENTS),
            "scheme": tuple(SCHEMES),
            "dataset": tuple(DATA_SETS),
            "split": SPLITS,
            "partition": PARTITIONS,
            "dropout_draw": scheme_settings.DROPOUT_DRAWS,
            "topology": bindings.TOPOLOGIES,
            "quality_distance": QUALITY_DISTANCES,
            "group": tuple(bindings.GROUPS),
            "key_setup": bindings.KEY_SETUPS,
            "he": bindings.HE_SCHEMES,
            **privacy_settings.CHOICES,
        }
        problems = [
            f"--{name}={getattr(self, name)}: allowed are {', '.join(allowed)}"
            for name, allowed in choices.items()
            if getattr(self, name) not in allowed
        ]
        if problem := models.problem_with(self.model):
            problems.append(f"--model={self.model}: {problem}")
        return problems

    def _range_problems(self) -> list[str]:
        counts = ("num_clients", "rounds", "batch_size", "local_epochs", "eval_every")
        problems = count_problems(self, counts)
        for name in (
            *("learning_rate", "server_learning_rate"),
            *("partition_alpha", "clip_range", "max_quality"),
        ):
            if not _SMALLEST <= getattr(self, name) <= _LARGEST:
                problems.append(
                    f"--{name}={getattr(self, name)}: must be above 0 and finite, from {_SMALLEST} "
                    f"to {_LARGEST}"
                )
        for name in ("client_momentum", "server_momentum"):
            if not 0 <= getattr(self, name) < 1:
                problems.append(f"--{name}={getattr(self, name)}: must be from 0 to below 1")
        if not 0 <= self.decay_rounds <= MAX_COUNT:
            problems.append(
                f"--decay_rounds={self.decay_rounds}: must be from 0 (no decay) to {MAX_COUNT}"
            )
        for name in ("noisy_clients", "noisy_labels", "class_balance", "train_colours"):
            if not 0 <= getattr(self, name) <= 1:
                problems.append(f"--{name}={getattr(self, name)}: must be from 0 to 1")
        if not 0 <= self.validation_fraction < 1:
            problems.append(
                f"--validation_fraction={self.validation_fraction}: must be from 0 to below 1"
            )
        if not 0 <= self.augment_copies <= augment.COPIES:
            problems.append(
                f"--augment_copies={self.augment_copies}: must be from 0 to {augment.COPIES}"
            )
        if not 0 <= self.seed <= MAX_SEED:
            problems.append(f"--seed={self.seed}: must be from 0 to {MAX_SEED}")
        return problems

    def _sum_problems(self) -> list[str]:
        """What is wrong for an experiment on sums alone."""
        problems = []
        if self.num_clients < _FEWEST_CLIENTS:
            problems.append(
                f"--num_clients={self.num_clients}: must be {_FEWEST_CLIENTS} or more, as the sum "
                "of two gives one's value to the other"
            )
        if not 0 <= self.vector_length <= _MAX_VECTOR_LENGTH:
            problems.append(
                f"--vector_length={self.vector_length}: must be from 1 to {_MAX_VECTOR_LENGTH}, "
                "or 0 for the model's"
            )
        try:
            self.modulus_bits  # noqa: B018 - raises if there is none
        except ValueError as error:
            problems.append(f"--fraction_bits, --clip_range: {error}")
        return problems

    def _study_problems(self, known: tuple[str, ...]) -> list[str]:
        """What is wrong for an experiment of several runs."""
        problems = []
        for name, least, most in (
            ("seeds", 0, MAX_SEED),
            ("batch_sizes", 1, _MAX_BATCH),
            ("client_counts", _FEWEST_CLIENTS, _MAX_CLIENTS),
            ("dropout_rates", 0, _MAX_RATE),
        ):
            given = getattr(self, name)
            text = ",".join(map(str, given))
            if name not in known:
                continue
            if not given or len(set(given)) != len(given):
                problems.append(f"--{name}={text}: must be one or more numbers, none twice")
            if any(not least <= number <= most for number in given):
                problems.append(f"--{name}={text}: must be from {least} to {most}")
        if "dropout_rates" in known and not SCHEMES[self.scheme].protocol:
            able = ", ".join(name for name, scheme in SCHEMES.items() if scheme.protocol)
            problems.append(
                f"--scheme={self.scheme}: has no protocol that clients could drop out of; these "
                f"have one: {able}"
            )
        if "epsilons" in known:
            problems += privacy_settings.epsilons_problems(self.epsilons)
        for name in ("encrypted_rounds", "turns", "trials"):
            if name in known and getattr(self, name) < 1:
                problems.append(f"--{name}={getattr(self, name)}: must be 1 or more")
        return problems

    def _joint_problems(self) -> list[str]:
        problems = []
        dataset = DATA_SETS.get(self.dataset)
        if dataset and self.split in SPLITS and self.split not in dataset.splits:
            problems.append(
                f"--split={self.split}: --dataset={self.dataset} allows {', '.join(dataset.splits)}"
            )
        if self.augment_copies != COPIES_BY_SPLIT.get(self.split, self.augment_copies):
            problems.append(
                f"--augment_copies={self.augment_copies}: --split={self.split} has "
                f"{COPIES_BY_SPLIT[self.split]} copies of each image by definition"
            )
        if self.train_colours and not self.normalise:
            problems.append(
                f"--train_colours={self.train_colours}: is in standard deviations of channels; "
                "add --normalise"
            )
        return problems

    @property
    def num_dropouts(self) -> int:
        """How many clients of a cohort drop out, if that number is exact."""
        return math.floor(self.dropout_rate * self.clients_per_round + 0.5)

    @property
    def modulus_bits(self) -> int:
        """K of the scheme's sum of updates.

        Raises:
            ValueError: if there is none that holds the sum.
        """
        return modulus_bits(
            self.fraction_bits, self.clip_range, self.num_clients, self.max_update_weight
        )

    @property
    def encoding(self) -> FixedPoint:
        """Of updates; ValueError if there is none."""
        return fixed_point(self.fraction_bits, self.clip_range)

    @property
    def value_bits(self) -> int:
        """Bits of an encoded number that is shifted to lie at 0 or above."""
        return value_bits(self.fraction_bits, self.clip_range)

    @property
    def max_update_weight(self) -> int:
        """The largest integer that an update is multiplied with."""
        if "max_quality" not in SCHEMES[self.scheme].settings:
            return 1
        return max(1, round(self.max_quality * 10**self.quality_decimals))

    def protocol_settings(self, cache_dir: Path | None = None) -> bindings.ProtocolSettings:
        """What the scheme's protocol wants to know.

        Args:
            cache_dir: where tables are kept; None for in memory only.

        Raises:
            ValueError: if no encoding has these fraction bits and this clip range.
        """
        return bindings.ProtocolSettings(
            threshold=self.threshold,
            topology=self.topology,
            signatures=self.signatures,
            dropout_rate=self.dropout_rate,
            group=self.group,
            key_setup=self.key_setup,
            phi=self.phi,
            proofs=self.proofs,
            he=self.he,
            key_bits=self.key_bits,
            value_bits=self.value_bits,
            cache_dir=cache_dir,
        )

    @property
    def scaling(self) -> Scaling:
        """From pixels to what the network is given."""
        if not self.normalise:
            return Scaling()
        data_set = DATA_SETS[self.dataset]
        return Scaling(data_set.channel_means, data_set.channel_deviations)

    @property
    def partition_spec(self) -> PartitionSpec:
        """How the training part is shared out."""
        return PartitionSpec(
            self.partition,
            self.num_clients,
            self.partition_alpha,
            self.noisy_clients,
            self.noisy_labels,
        )

    def as_dict(self) -> dict[str, object]:
        """All settings that mean something to the experiment, by name, ready for JSON."""
        settings = dataclasses.asdict(self)
        known = ("experiment", *EXPERIMENTS[self.experiment].settings, "preset")
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in settings.items()
            if name in known
        }

    @property
    def by_lesion(self) -> bool:
        """Whether a client holds all images of a lesion or none."""
        return self.dp_noise != "none" and self.dp_unit == "lesion"

    @property
    def draws_lots(self) -> bool:
        """Whether clients train on Poisson lots and not on batches."""
        return self.dp_noise in ("local", "distributed")

    def default_folder(self) -> Path:
        """Where the results go if the user names no folder: one for each set of settings."""
        text = json.dumps(self.as_dict(), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        named_by = [str(getattr(self, name)) for name in EXPERIMENTS[self.experiment].named_by]
        return Path("results") / "-".join((self.experiment, *named_by, digest)).replace(":", "-")


@dataclass(frozen=True)
class Invocation:
    """What one command asks for: settings, and what does not change the outcome.

    Attributes:
        config: the settings.
        data_dir: where data files lie; None if nothing says so and the user has no home.
        cache_dir: where what was computed from them is kept; in `out_dir` if the user's cache
            cannot be written to.
        out_dir: takes the results.
        workers: "host:port" of TFF's executor services; none for one on this machine.
        dry_run: whether only to say what would run, and how long it would take.
    """

    config: RunConfig
    data_dir: Path | None
    cache_dir: Path
    out_dir: Path
    workers: tuple[str, ...] = ()
    dry_run: bool = False
