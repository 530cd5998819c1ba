"""What experiment `privacy_tuning` leaves behind: all trials, and the best of each epsilon."""

from collections.abc import Sequence
from typing import Any

from tff_health.reporting.files import write_json
from tff_health.reporting.report import Report, Section, citing, configuration
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.reporting.tables import Cell, Table
from tff_health.settings.config import RunConfig
from tff_health.training.outcome import heading

Trial = tuple[str, dict[str, Any], float]
"""Epsilon, settings, accuracy on validation parts."""


def write(folder: ResultsFolder, config: RunConfig, trials: Sequence[Trial]) -> str:
    """Writes all results into `folder`, summary.json last.

    Args:
        folder: of the experiment.
        config: the settings.
        trials: in the order in which they were run.

    Returns:
        what was found, in lines for people.
    """
    best: dict[str, Trial] = {}
    for trial in trials:
        if trial[0] not in best or trial[2] > best[trial[0]][2]:
            best[trial[0]] = trial
    tables = [
        _table("chosen", "The best settings for each epsilon", list(best.values())),
        _table("trials", "All trials", trials),
    ]
    for table in tables:
        table.save(folder.path / "tables")
    report = Report(
        title=f"Settings for each epsilon on {config.data_name}",
        subtitle=f"{config.study.trials} trials for each epsilon, "
        f"{config.cohort.num_clients} clients, {config.training.rounds} rounds, "
        f"seed {config.run.seed}",
        findings=[(f"epsilon {e}", f"{100 * trial[2]:.1f} %") for e, trial in best.items()],
        warnings=[
            "Accuracies are those of the best of several trials on the validation parts that chose "
            "them: they are too high. What the choice tells of these parts is not accounted for."
        ],
        sections=[
            Section("Trials", tables=tables),
            citing(folder),
            configuration(folder),
        ],
    )
    report.save(folder.path / "report.html")
    summary = {
        **heading(config),
        "runs": [
            {"epsilon": epsilon, "validation_accuracy": accuracy, **settings}
            for epsilon, settings, accuracy in trials
        ],
    }
    write_json(folder.summary_path, summary)
    lines = [f"settings for {config.data_name}, accuracy on validation parts:"]
    lines += [f"  epsilon {e:5s} {100 * trial[2]:5.1f} %  {trial[1]}" for e, trial in best.items()]
    return "\n".join([*lines, f"  use them with --chosen={folder.path / 'chosen.json'}"])


def _table(name: str, title: str, trials: Sequence[Trial]) -> Table:
    names = list(dict.fromkeys(key for _, settings, _ in trials for key in settings))
    rows: list[Sequence[Cell]] = [
        (epsilon, round(100 * accuracy, 2), *(str(settings.get(key, "")) for key in names))
        for epsilon, settings, accuracy in trials
    ]
    return Table(name, title, ("epsilon", "validation accuracy (%)", *names), rows)
