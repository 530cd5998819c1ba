"""The settings of a run: a plain value of groups, and what follows from it."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tff_health.data.catalog import DATA_SETS, find, short_name
from tff_health.data.numeric_columns import NumericColumn
from tff_health.data.partition import PartitionSpec
from tff_health.data.reading import Reading
from tff_health.data.scaling import Scaling
from tff_health.local.encoding import FixedPoint, fixed_point, modulus_bits, value_bits
from tff_health.schemes import SCHEMES
from tff_health.secure_aggregation.bindings import ProtocolSettings
from tff_health.settings.experiments import EXPERIMENTS
from tff_health.settings.groups.attack import OF_ATTACKS, AttackSettings
from tff_health.settings.groups.clock import ClockSettings
from tff_health.settings.groups.cohort import CohortSettings
from tff_health.settings.groups.data import OF_OWN_IMAGES, DataSettings, PartitionSettings
from tff_health.settings.groups.privacy import PrivacyChoices
from tff_health.settings.groups.robust import OF_GROUPS, OF_NORMS, RobustSettings
from tff_health.settings.groups.run import RunSettings
from tff_health.settings.groups.statistics import StatisticsSettings
from tff_health.settings.groups.study import StudySettings
from tff_health.settings.groups.sums import (
    OF_VERIFIED_SUMS,
    EncodingSettings,
    ProtocolChoices,
    QualitySettings,
)
from tff_health.settings.groups.training import (
    OF_INITIAL_WEIGHTS,
    OptimizerSettings,
    PreparationSettings,
    TrainingSettings,
)
from tff_health.settings.renamed import first
from tff_health.settings.table import GROUPS, LOCAL, SETTINGS, defaults_of, used_by


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What decides the outcome of a run; a group says what each of its settings means."""

    run: RunSettings
    data: DataSettings
    partition: PartitionSettings
    cohort: CohortSettings
    clock: ClockSettings
    training: TrainingSettings
    optimizer: OptimizerSettings
    preparation: PreparationSettings
    sums: EncodingSettings
    protocol: ProtocolChoices
    quality: QualitySettings
    robust: RobustSettings
    attack: AttackSettings
    privacy: PrivacyChoices
    statistics: StatisticsSettings
    study: StudySettings
    learned_scaling: Scaling | None = None
    """What clients' images told of their channels, if that is asked for; no setting."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Returns the config with these values by names of settings; defaults fill the rest."""
        groups = (group for group in GROUPS if group.name != LOCAL)
        return cls(**{group.name: group.kind(**_fields(group.name, values)) for group in groups})

    def value(self, name: str) -> Any:
        """Returns the value of the setting with this name."""
        setting = SETTINGS[name]
        return getattr(getattr(self, setting.group), setting.field)

    def with_values(self, **changes: Any) -> Self:
        """Returns the same with other values, by names of settings."""
        changed = {SETTINGS[name].group for name in changes}
        groups = {
            name: dataclasses.replace(getattr(self, name), **_fields(name, changes))
            for name in changed
        }
        return dataclasses.replace(self, **groups)

    def as_dict(self) -> dict[str, Any]:
        """All settings that the experiment uses and that decide its outcome, ready for JSON."""
        unused: tuple[str, ...] = OF_OWN_IMAGES if self.data.dataset in DATA_SETS else ()
        unused += () if self.training.initial_weights else OF_INITIAL_WEIGHTS
        unused += () if self.protocol.verify else OF_VERIFIED_SUMS
        unused += () if self.partition.kind == "rare" else ("rare_clients",)
        unused += () if self.has_clock else tuple(defaults_of("clock"))
        compares = self.run.experiment == "poisoning"
        unused += () if self.has_groups or compares else OF_GROUPS
        unused += () if self.robust.update_norm else OF_NORMS
        is_attacked = self.attack.kind != "none" or self.attack.enforced_norm
        unused += () if is_attacked else OF_ATTACKS
        names = (name for name in used_by(self.run.experiment) if name not in unused)
        values = {name: self.value(name) for name in names if SETTINGS[name].group != LOCAL}
        return {n: list(v) if isinstance(v, tuple) else v for n, v in values.items()}

    def default_folder(self) -> Path:
        """Where the results go if the user names no folder: one for each set of settings."""
        values = {name: first(name, value) for name, value in self.as_dict().items()}
        text = json.dumps(values, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        experiment = self.run.experiment
        named_by = [
            self.data_name if name == "dataset" else str(self.value(name))
            for name in EXPERIMENTS[experiment].named_by
        ]
        return Path("results") / "-".join((experiment, *named_by, digest)).replace(":", "-")

    @property
    def data_name(self) -> str:
        """The data set's name in titles; of images at a path, the path's last part."""
        return short_name(self.data.dataset)

    @property
    def reading(self) -> Reading:
        """What is made of images of the user's own."""
        data = self.data
        columns = map(NumericColumn.parse, self.statistics.numeric_columns)
        return Reading(
            *(data.image_size, data.image_fit, data.num_channels, data.skip_unreadable),
            tuple(column.name for column in columns),
        )

    @property
    def has_clock(self) -> bool:
        """Whether rounds have a virtual time."""
        return self.clock.client_times != "none"

    @property
    def scales_updates(self) -> bool:
        """Whether clients scale their updates before they are averaged."""
        is_aged = self.clock.buffer_size and self.clock.staleness != "none"
        return self.clock.partial_work != "none" or bool(is_aged)

    @property
    def cohort_size(self) -> int:
        """How many clients are in a sum if none drops out: those drawn for a round, or a buffer."""
        if self.clock.buffer_size:
            return self.clock.buffer_size
        return math.ceil(self.cohort.clients_per_round * (1 + self.clock.over_selection) - 1e-9)

    @property
    def has_groups(self) -> bool:
        """Whether cohorts are dealt into groups that sum by themselves."""
        return self.robust.kind == "groups"

    @property
    def group_sizes(self) -> range:
        """Clients that one secure sum of updates can have: the cohort, or those of a group."""
        size = self.cohort_size
        if not self.has_groups:
            return range(size, size + 1)
        least = self.robust.group_size
        return range(least, min(2 * least - 1, size) + 1)

    @property
    def num_dropouts(self) -> int:
        """How many clients of a cohort drop out, if that number is exact."""
        counted = self.clock.buffer_size or self.cohort.clients_per_round
        return math.floor(self.cohort.dropout_rate * counted + 0.5)

    @property
    def modulus_bits(self) -> int:
        """Bits k of the modulus 2^k in which updates are summed.

        Raises:
            ValueError: if there is none that holds the sum.
        """
        return modulus_bits(
            self.sums.fraction_bits,
            self.sums.clip_range,
            self.cohort.num_clients,
            self.max_update_weight,
        )

    @property
    def encoding(self) -> FixedPoint:
        """Of updates; ValueError if there is none."""
        return fixed_point(self.sums.fraction_bits, self.sums.clip_range)

    @property
    def value_bits(self) -> int:
        """Bits of an encoded number that is shifted to lie at 0 or above."""
        return value_bits(self.sums.fraction_bits, self.sums.clip_range)

    @property
    def max_update_weight(self) -> int:
        """The largest integer that an update is multiplied with."""
        if not SCHEMES[self.run.scheme].weighs_by_quality:
            return 1
        return max(1, round(self.quality.largest * 10.0**self.quality.decimals))

    def protocol_settings(self, cache_dir: Path | None = None) -> ProtocolSettings:
        """What the scheme's protocol wants to know.

        Args:
            cache_dir: where tables are kept; None for in memory only.

        Raises:
            ValueError: if no encoding has these fraction bits and this clip range.
        """
        return ProtocolSettings(
            **vars(self.protocol),
            dropout_rate=self.cohort.dropout_rate,
            value_bits=self.value_bits,
            fraction_bits=self.sums.fraction_bits,
            cache_dir=cache_dir,
        )

    @property
    def scaling(self) -> Scaling:
        """From pixels to what the network is given."""
        if self.preparation.normalise == "secure":
            return self.learned_scaling or Scaling()
        if self.preparation.normalise == "none":
            return Scaling()
        data_set = find(self.data.dataset)
        return Scaling(data_set.channel_means, data_set.channel_deviations)

    @property
    def partition_spec(self) -> PartitionSpec:
        """How the training part is shared out."""
        return PartitionSpec(num_clients=self.cohort.num_clients, **vars(self.partition))

    @property
    def by_group(self) -> bool:
        """Whether a client holds all images of a group or none."""
        return self.privacy.noise != "none" and self.privacy.unit == "group"

    @property
    def draws_lots(self) -> bool:
        """Whether clients train on Poisson lots and not on batches."""
        return self.privacy.noise in ("local", "distributed")


def _fields(group: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those values, by names of settings, that belong to a group, by names of its fields."""
    found = {SETTINGS[name]: value for name, value in values.items()}
    return {s.field: value for s, value in found.items() if s.group == group}


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
