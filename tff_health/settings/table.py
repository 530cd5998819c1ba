"""All settings by name, in the order in which people are shown them."""

from dataclasses import dataclass

from tff_health.settings.groups.attack import AttackSettings
from tff_health.settings.groups.clock import ClockSettings
from tff_health.settings.groups.cohort import CohortSettings
from tff_health.settings.groups.data import DataSettings, PartitionSettings
from tff_health.settings.groups.local import LocalSettings
from tff_health.settings.groups.privacy import PrivacyChoices
from tff_health.settings.groups.robust import RobustSettings
from tff_health.settings.groups.run import RunSettings
from tff_health.settings.groups.statistics import StatisticsSettings
from tff_health.settings.groups.study import StudySettings
from tff_health.settings.groups.sums import EncodingSettings, ProtocolChoices, QualitySettings
from tff_health.settings.groups.training import (
    OptimizerSettings,
    PreparationSettings,
    TrainingSettings,
)
from tff_health.settings.setting import Setting, settings_of

LOCAL = "local"
"""The group that does not change the outcome."""


@dataclass(frozen=True)
class Group:
    """A group of settings.

    Attributes:
        name: of the field of `RunConfig` that holds it; `LOCAL` is in none.
        title: for people.
        kind: the class that defines its settings.
    """

    name: str
    title: str
    kind: type

    @property
    def settings(self) -> tuple[Setting, ...]:
        """Its settings, in order."""
        return tuple(found for found in SETTINGS.values() if found.group == self.name)


GROUPS = (
    Group("run", "What is run", RunSettings),
    Group("data", "Images", DataSettings),
    Group("partition", "Partition", PartitionSettings),
    Group("cohort", "Clients and dropouts", CohortSettings),
    Group("clock", "Virtual time, and clients that are slow", ClockSettings),
    Group("training", "Training", TrainingSettings),
    Group("optimizer", "Optimizers", OptimizerSettings),
    Group("preparation", "Preparation of images", PreparationSettings),
    Group("sums", "Encoding for secure sums", EncodingSettings),
    Group("protocol", "Protocols of secure sums", ProtocolChoices),
    Group("quality", "Data quality", QualitySettings),
    Group("robust", "Robust means", RobustSettings),
    Group("attack", "Simulated hostile clients", AttackSettings),
    Group("privacy", "Differential privacy", PrivacyChoices),
    Group("statistics", "Federated statistics", StatisticsSettings),
    Group("study", "Experiments of several runs", StudySettings),
    Group(LOCAL, "This machine", LocalSettings),
)
SETTINGS = {found.name: found for group in GROUPS for found in settings_of(group.kind, group.name)}
"""Every setting by the name of its flag."""


def used_by(experiment: str) -> tuple[str, ...]:
    """Returns the names of the settings that an experiment uses."""
    return tuple(name for name, found in SETTINGS.items() if experiment in found.experiments)


def defaults_of(group: str) -> dict[str, object]:
    """Returns the defaults of a group by the names of settings; those by preset are left out."""
    own = (found for found in SETTINGS.values() if found.group == group)
    return {found.name: found.default for found in own if found.default is not None}
