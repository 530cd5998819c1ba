"""Several training runs as one experiment: shared data, one progress line, nothing done twice.

Each part is a run of experiment `train` in a folder of its own, with its own report; what an
earlier process finished is used as it is, and what it began is gone on with.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tff_health import interrupts
from tff_health.data.examples import LabelledImages
from tff_health.data.federated import FederatedImages, federate
from tff_health.errors import ConfigError
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.settings import checks
from tff_health.settings.config import Invocation, RunConfig
from tff_health.settings.images import load_images
from tff_health.settings.table import LOCAL, SETTINGS
from tff_health.studies.finished_run import read_finished_run
from tff_health.studies.study_progress import StudyProgress
from tff_health.training.metrics_log import Value
from tff_health.training.network_identity import check_finished
from tff_health.training.outcome import RunOutcome

RUNS = "runs"


@dataclass(frozen=True)
class Part:
    """One training run of a study.

    Attributes:
        name: of its folder below `runs/`; unique in the study.
        group: what it is compared as; parts of one group differ in their seeds alone.
        config: its settings, of experiment `train`.
    """

    name: str
    group: str
    config: RunConfig


@dataclass(frozen=True)
class PartResult:
    """The result of a part.

    Attributes:
        part: which.
        rows: of its metrics.csv.
        outcome: as its summary.json says.
    """

    part: Part
    rows: list[dict[str, Value]]
    outcome: RunOutcome


def part_config(study: RunConfig, scheme: str, seed: int, **changes: Any) -> RunConfig:
    """Returns the settings of one training run of a study.

    Args:
        study: the settings of the study; those that mean nothing to the scheme are left out.
        scheme: of the run.
        seed: of the run.
        changes: settings that differ from the study's.
    """
    unused = {
        name: setting.default
        for name, setting in SETTINGS.items()
        if setting.group != LOCAL
        and setting.default is not None
        and not ("train" in setting.experiments and scheme in setting.schemes)
    }
    own = {"experiment": "train", "scheme": scheme, "seed": seed}
    return study.with_values(**{**unused, **own, **changes})


def validate(parts: Sequence[Part]) -> None:
    """Checks every part before anything is started.

    Raises:
        ConfigError: with every problem found, once.
    """
    problems: dict[str, None] = {}
    for part in parts:
        try:
            checks.validate(part.config)
        except ConfigError as error:
            problems |= dict.fromkeys(str(error).splitlines())
    if problems:
        raise ConfigError("\n".join(problems))


class Study:
    """Runs the parts of one experiment.

    Args:
        invocation: of the experiment.
        parts: in the order in which they are run.
        path: of the experiment's results.
    """

    def __init__(self, invocation: Invocation, parts: Sequence[Part], path: Path) -> None:
        self._invocation = invocation
        self._parts = list(parts)
        self._path = path
        self._images: LabelledImages | None = None
        self._shared_out: tuple[tuple[object, ...], FederatedImages] | None = None

    @property
    def config(self) -> RunConfig:
        """The settings of the study."""
        return self._invocation.config

    @property
    def images(self) -> LabelledImages:
        """The whole data set, read once."""
        if self._images is None:
            given = self._invocation
            self._images = load_images(given.config, given.data_dir, given.cache_dir)
        return self._images

    def federated(self, config: RunConfig) -> FederatedImages:
        """The data of a run; the newest is kept, as neighbouring parts share it."""
        wanted = (
            *(
                config.data.split,
                config.data.augment_copies,
                config.partition_spec,
                config.run.seed,
            ),
            *(config.by_group, config.data.validation_fraction),
        )
        if self._shared_out is None or self._shared_out[0] != wanted:
            self._shared_out = wanted, federate(self.images, *wanted)
        return self._shared_out[1]

    def folder(self, part: Part) -> ResultsFolder:
        """The folder of a part."""
        return ResultsFolder(self._path / RUNS / part.name, part.config.as_dict())

    def is_done(self, part: Part) -> bool:
        """Whether an earlier process finished it."""
        return self.folder(part).is_finished

    def run(self, seconds: dict[str, float]) -> dict[str, PartResult]:
        """Runs what is missing.

        Args:
            seconds: what each part may take, by name, for the time left.

        Returns:
            the results by name.

        Raises:
            TffHealthError: as experiment `train`.
        """
        experiment = self._invocation.config.run.experiment
        expected = {part.name: seconds[part.name] for part in self._parts}
        with StudyProgress(experiment, expected) as progress:
            return {part.name: self._run_part(part, progress) for part in self._parts}

    def _run_part(self, part: Part, progress: StudyProgress) -> PartResult:
        with self.folder(part) as folder:
            if folder.is_finished:
                check_finished(part.config, folder.path)
                progress.skip(part.name)
            else:
                # Imports TensorFlow, which takes seconds: not if all is done.
                with interrupts.no_cleanup():
                    from tff_health.training import run

                run.train(
                    *(part.config, self.federated(part.config), folder),
                    *(self._invocation.workers, self._invocation.cache_dir),
                    progress_of=progress.part(part.name),
                    packing_progress=lambda *_: nullcontext(progress),
                )
                progress.finish(part.name)
            folder.remove_scratch()
        return read_result(part, folder.path)


def read_result(part: Part, path: Path) -> PartResult:
    """Reads what a finished part left behind.

    Raises:
        RunError: if it is damaged.
    """
    remedy = f"delete {path}, and the same command trains this part anew"
    return PartResult(part, *read_finished_run(path, remedy))
