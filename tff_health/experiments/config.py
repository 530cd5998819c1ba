"""The settings of a run: a plain value, checked as a whole before anything is started."""

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import models
from tff_health.aggregators.capacity import modulus_bits
from tff_health.data import augment
from tff_health.data.catalog import DATA_SETS
from tff_health.data.partition import PartitionSpec
from tff_health.errors import ConfigError
from tff_health.runtime import bindings
from tff_health.schemes import SCHEMES

EXPERIMENTS = ("train",)
PARTITIONS = ("iid", "dirichlet", "source", "label_noise")
DROPOUT_DRAWS = ("exact", "independent")
SPLITS = ("clean", "paper", "given")
# Splits that say themselves how many augmented copies of an image there are.
COPIES_BY_SPLIT = {"paper": augment.COPIES, "given": 0}
_MAX_SEED = 2**31 - 1
_MAX_FRACTION_BITS = 50
# Settings that mean something to some schemes only; others accept these values alone.
SCHEME_DEFAULTS: dict[str, Any] = {
    "threshold": 0,
    "topology": "complete",
    "signatures": True,
    "fraction_bits": 16,
    "clip_range": 4.0,
    "secure_metrics": True,
    "dropout_stages": (),
}


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What decides the outcome of a run; see `flags.py` for what each setting means."""

    experiment: str
    scheme: str
    dataset: str
    split: str
    augment_copies: int
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
    rounds: int
    batch_size: int
    local_epochs: int
    learning_rate: float
    model: str
    eval_every: int
    seed: int
    preset: str

    def validate(self) -> None:
        """Checks every setting, and all of them together, without importing TensorFlow.

        Raises:
            ConfigError: with every problem found, one a line.
        """
        problems = [*self._choice_problems(), *self._range_problems(), *self._joint_problems()]
        if not problems:
            problems = self._scheme_problems()
        if problems:
            raise ConfigError("\n".join(problems))

    def _choice_problems(self) -> list[str]:
        choices = {
            "experiment": EXPERIMENTS,
            "scheme": tuple(SCHEMES),
            "dataset": tuple(DATA_SETS),
            "split": SPLITS,
            "partition": PARTITIONS,
            "dropout_draw": DROPOUT_DRAWS,
            "topology": bindings.TOPOLOGIES,
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
        problems = []
        for name in ("num_clients", "rounds", "batch_size", "local_epochs", "eval_every"):
            if getattr(self, name) < 1:
                problems.append(f"--{name}={getattr(self, name)}: must be 1 or more")
        for name in ("learning_rate", "partition_alpha", "clip_range"):
            if not 0 < getattr(self, name) < float("inf"):
                problems.append(f"--{name}={getattr(self, name)}: must be above 0 and finite")
        for name in ("noisy_clients", "noisy_labels"):
            if not 0 <= getattr(self, name) <= 1:
                problems.append(f"--{name}={getattr(self, name)}: must be from 0 to 1")
        if not 0 <= self.dropout_rate < 1:
            problems.append(f"--dropout_rate={self.dropout_rate}: must be from 0 to below 1")
        if not 1 <= self.clients_per_round <= self.num_clients:
            problems.append(
                f"--clients_per_round={self.clients_per_round}: must be from 1 to "
                f"--num_clients={self.num_clients}"
            )
        if self.threshold < 0:
            problems.append(f"--threshold={self.threshold}: must be 0 (the safest) or more")
        if not 0 <= self.fraction_bits <= _MAX_FRACTION_BITS:
            problems.append(
                f"--fraction_bits={self.fraction_bits}: must be from 0 to {_MAX_FRACTION_BITS}"
            )
        if not 0 <= self.augment_copies <= augment.COPIES:
            problems.append(
                f"--augment_copies={self.augment_copies}: must be from 0 to {augment.COPIES}"
            )
        if not 0 <= self.seed <= _MAX_SEED:
            problems.append(f"--seed={self.seed}: must be from 0 to {_MAX_SEED}")
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
        return problems

    def _scheme_problems(self) -> list[str]:
        scheme = SCHEMES[self.scheme]
        problems = [
            f"--{name}={getattr(self, name)}: means nothing to --scheme={self.scheme}"
            for name, default in SCHEME_DEFAULTS.items()
            if name not in scheme.settings and getattr(self, name) != default
        ]
        if scheme.protocol is None:
            return problems
        binding = bindings.BINDINGS[scheme.protocol]
        if self.topology == "sparse" and self.threshold:
            problems.append(f"--threshold={self.threshold}: --topology=sparse sets its own")
        stages = binding.build(self.protocol_settings).stages
        problems += [
            f"--dropout_stages: '{stage}' is none; there are {', '.join(stages)}"
            for stage in self.dropout_stages
            if stage not in stages
        ]
        try:
            plan = binding.plan(self.protocol_settings, self.clients_per_round)
        except ValueError as error:
            return [*problems, f"--scheme={self.scheme}: {error}"]
        least = self.clients_per_round - self.num_dropouts
        if self.dropout_draw == "exact" and least < plan.survivors:
            problems.append(
                f"--dropout_rate={self.dropout_rate}: leaves {least} of {self.clients_per_round} "
                f"clients, and {plan.survivors} must survive a round"
            )
        try:
            modulus_bits(self.fraction_bits, self.clip_range, self.num_clients)
        except ValueError as error:
            problems.append(f"--fraction_bits, --clip_range: {error}")
        return problems

    @property
    def num_dropouts(self) -> int:
        """How many clients of a cohort drop out, if that number is exact."""
        return math.floor(self.dropout_rate * self.clients_per_round + 0.5)

    @property
    def protocol_settings(self) -> bindings.ProtocolSettings:
        """What the scheme's protocol wants to know."""
        return bindings.ProtocolSettings(
            self.threshold, self.topology, self.signatures, self.dropout_rate
        )

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
        """All settings by name, ready for JSON."""
        settings = dataclasses.asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in settings.items()}

    def default_folder(self) -> Path:
        """Where the results go if the user names no folder: one for each set of settings."""
        text = json.dumps(self.as_dict(), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        name = "-".join((self.experiment, self.scheme, self.dataset, self.split, digest))
        return Path("results") / name


@dataclass(frozen=True)
class Invocation:
    """What one command asks for: settings, and what does not change the outcome.

    Attributes:
        config: the settings.
        data_dir: where data files lie.
        cache_dir: where what was computed from them is kept.
        out_dir: takes the results.
        workers: "host:port" of TFF's executor services; none for one on this machine.
    """

    config: RunConfig
    data_dir: Path
    cache_dir: Path
    out_dir: Path
    workers: tuple[str, ...] = ()
