"""How an experiment of several training runs goes: check, estimate, run what is missing, write."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tff_health.reporting.results_folder import ResultsFolder
from tff_health.settings.config import Invocation
from tff_health.studies.comparison import ComparedRun
from tff_health.studies.description import describe_study
from tff_health.studies.estimate import Estimates, dry_run_text
from tff_health.studies.study import RUNS, Part, PartResult, Study, validate
from tff_health.training.network_identity import check_finished


@dataclass(frozen=True, eq=False)
class FinishedStudy:
    """What is there when all runs of a study are done.

    Attributes:
        study: has the data.
        estimates: of its runs, with what was measured for them.
        folder: takes the results.
        description: its config.json.
        results: of the parts, by name.
    """

    study: Study
    estimates: Estimates
    folder: ResultsFolder
    description: dict[str, Any]
    results: dict[str, PartResult]

    def compared(self, of_part: Callable[[Part], dict[str, Any]]) -> list[ComparedRun]:
        """Returns all runs as they are compared.

        Args:
            of_part: what is said of a run beside its summary.json, which goes before it.
        """
        runs = []
        for result in self.results.values():
            part = result.part
            seen = {"name": part.group, **of_part(part), **result.run}
            seed, rounds = part.config.run.seed, part.config.training.rounds
            runs.append(ComparedRun(part.group, seed, result.rows, seen, rounds))
        return runs


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
        description = describe_study(study, parts)
        folder.describe(description)
        estimates = Estimates(study, parts)
        results = study.run(estimates.seconds())
        text = write(FinishedStudy(study, estimates, folder, description, results))
        folder.remove_scratch()
    print(text)
