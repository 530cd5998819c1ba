"""How an experiment of several training runs goes: check, estimate, run what is missing, write."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tff_health.reporting.results_folder import ResultsFolder
from tff_health.settings.config import Invocation
from tff_health.studies.comparison import ComparedRun
from tff_health.studies.estimate import Estimates, dry_run_text
from tff_health.studies.study import RUNS, Part, PartResult, Study, validate
from tff_health.training.config_json import config_json
from tff_health.training.network_identity import check_finished


@dataclass(frozen=True, eq=False)
class FinishedStudy:
    """What is there when all runs of a study are done.

    Attributes:
        study: has the data.
        estimates: of its runs, with what was measured for them.
        folder: takes the results.
        results: of the parts, by name.
    """

    study: Study
    estimates: Estimates
    folder: ResultsFolder
    results: dict[str, PartResult]

    @property
    def tested(self) -> int:
        """Images in the test part of the first run, as config.json counts them."""
        counts: dict[str, int] = self.folder.description["data"]["test_class_counts"]
        return sum(counts.values())

    def compared(self, of_part: Callable[[Part], Mapping[str, Any]]) -> list[ComparedRun]:
        """Returns all runs as they are compared.

        Args:
            of_part: what summary.json says of a run beside its outcome.
        """
        return [
            ComparedRun(
                group=result.part.group,
                config=result.part.config,
                rows=result.rows,
                outcome=result.outcome,
                encrypted_rounds=result.part.config.training.rounds,
                notes=of_part(result.part),
            )
            for result in self.results.values()
        ]


def run_study(
    invocation: Invocation,
    parts: Sequence[Part],
    write: Callable[[FinishedStudy], str],
    kind: type[Study] = Study,
) -> None:
    """Runs the parts that are missing, and has the results written; prints what was found.

    Args:
        invocation: of the experiment.
        parts: its runs, in order.
        write: leaves tables, figures and a report, and returns what was found, for people.
        kind: of the study.

    Raises:
        TffHealthError: as experiment `train`.
    """
    validate(parts)
    if invocation.dry_run:
        print(dry_run_text(kind(invocation, parts, invocation.out_dir), parts))
        return
    with ResultsFolder(invocation.out_dir, invocation.config.as_dict()) as folder:
        if folder.is_finished:
            for part in parts:
                check_finished(part.config, folder.path / RUNS / part.name)
            print(folder.finished_text())
            return
        study = kind(invocation, parts, folder.path)
        # Each run has a config.json of its own, too; the data here are those of the first.
        derived = {"runs": {part.name: part.config.as_dict() for part in parts}}
        data = study.federated(parts[0].config).describe()
        folder.describe(config_json(study.config, derived=derived, data=data))
        estimates = Estimates(study, parts)
        results = study.run(estimates.seconds())
        text = write(FinishedStudy(study, estimates, folder, results))
        folder.remove_scratch()
    print(text)
