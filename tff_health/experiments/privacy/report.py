"""What experiment `privacy` leaves behind: the report's table and chart, attacks, summary."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tff_health.experiments.privacy import attack_report
from tff_health.experiments.privacy.attack_report import Attacked
from tff_health.experiments.privacy.epsilon_axis import epsilon_of
from tff_health.experiments.privacy.figures import accuracy_over_epsilon
from tff_health.reporting import figures
from tff_health.reporting.files import write_json
from tff_health.reporting.report import Report, Section
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.reporting.tables import Cell, Table
from tff_health.settings.groups.privacy import OF_BATCHES, OF_LOTS
from tff_health.studies.comparison import ComparedRun, Comparison, spread
from tff_health.training.report import SPLIT_NOTES

THE_REPORTS = {0.1: 65.0, 0.5: 78.0, 1.0: 85.0, 2.0: 90.0, 5.0: 93.0, 10.0: 95.0, math.inf: 96.0}
"""Test accuracy on MNIST by epsilon, in percent: Table 1 of the two-layer report."""
_THE_REPORTS_DATA = "mnist"


def write(
    folder: ResultsFolder,
    description: dict[str, Any],
    runs: Sequence[ComparedRun],
    attacks: Attacked,
) -> str:
    """Writes all results into `folder`, summary.json last.

    Args:
        folder: of the experiment.
        description: as in config.json.
        runs: of all budgets and seeds.
        attacks: on the models of the first seed.

    Returns:
        what was found, in lines for people.
    """
    config = description["config"]
    compared = Comparison(runs)
    table = _table(config, compared)
    tables = [table, _settings_table(description, compared), compared.accuracy_table()]
    inferred = attack_report.membership_table(attacks)
    for each in (*tables, inferred):
        each.save(folder.path / "tables")
    found = attack_report.sections(folder.path, attacks, inferred)
    _report(folder.path, description, compared, tables, found)
    summary = {
        **{key: config[key] for key in ("experiment", "dataset", "split", "preset")},
        "runs": [run.run for run in runs],
        "attacks": attack_report.summary(attacks),
    }
    write_json(folder.summary_path, summary)
    lines = [
        f"{config['scheme']} on {config['dataset']} ({config['split']} split), "
        f"{config['num_clients']} clients, {config['rounds']} rounds, delta {config['delta']:g}; "
        "test accuracy:"
    ]
    for group in compared.groups:
        accuracy = spread(100 * compared.final(group, "final_accuracy"))
        lines.append(f"  {group:12s} {accuracy:>12s} %")
    return "\n".join([*lines, f"  report       {folder.path / 'report.html'}"])


def _table(config: dict[str, Any], compared: Comparison) -> Table:
    columns = ["epsilon", "accuracy", "balanced accuracy", "epsilon spent", "noise multiplier"]
    rows: list[list[Cell]] = []
    for group, runs in compared.groups.items():
        epsilon = epsilon_of(group)
        is_private = math.isfinite(epsilon)
        spent = max(run.run["epsilon"] for run in runs)
        rows.append(
            [
                f"{epsilon:g}" if is_private else "no DP",
                spread(100 * compared.final(group, "final_accuracy")),
                spread(100 * compared.final(group, "balanced_accuracy")),
                f"{spent:.3f}" if is_private else "",
                f"{runs[0].run['noise_multiplier']:.3f}" if is_private else "",
            ]
        )
        if _has_the_reports(config):
            rows[-1].insert(2, f"{THE_REPORTS[epsilon]:.0f}" if epsilon in THE_REPORTS else "")
    if _has_the_reports(config):
        columns.insert(2, "the report's accuracy")
    return Table(
        "privacy",
        "Test accuracy in percent, mean and standard deviation over seeds, for each privacy budget",
        columns,
        rows,
    )


def _has_the_reports(config: dict[str, Any]) -> bool:
    return config["dataset"] == _THE_REPORTS_DATA  # type: ignore[no-any-return]


def _settings_table(description: dict[str, Any], compared: Comparison) -> Table:
    names = (
        *("model", "learning_rate", "decay_rounds", "client_momentum"),
        *OF_LOTS,
        *OF_BATCHES,
    )
    by_group: dict[str, dict[str, Any]] = {}
    for name, settings in description["derived"]["runs"].items():
        by_group.setdefault(f"epsilon {name.split('-')[0].removeprefix('epsilon')}", settings)
    rows: list[Sequence[Cell]] = []
    for group in compared.groups:
        foreign = OF_LOTS if math.isinf(epsilon_of(group)) else OF_BATCHES
        cells = ("" if name in foreign else str(by_group[group][name]) for name in names)
        rows.append((group, *cells))
    return Table("settings", "Settings of each budget", ("", *names), rows)


def _report(
    folder: Path,
    description: dict[str, Any],
    compared: Comparison,
    tables: Sequence[Table],
    attack_sections: Sequence[Section],
) -> None:
    config = description["config"]
    private = [g for g in compared.groups if math.isfinite(epsilon_of(g))]
    report = Report(
        title=f"Accuracy over epsilon: {config['scheme']} on {config['dataset']}",
        subtitle=f"{config['split']} split, {config['num_clients']} clients, {config['rounds']} "
        f"rounds, delta {config['delta']:g}, noise {config['dp_noise']}, seeds "
        f"{', '.join(map(str, config['seeds']))}",
        findings=[
            (group, f"{spread(100 * compared.final(group, 'final_accuracy'))} %")
            for group in compared.groups
        ],
        warnings=[note for note in (SPLIT_NOTES[config["split"]],) if note],
        sections=[
            Section(
                "Accuracy and privacy",
                _paragraphs(config, compared, private),
                figures=[_draw(folder, config, compared), _draw_rounds(folder, compared)],
                tables=tables,
            ),
            *attack_sections,
            Section("Configuration", listing=json.dumps(description, indent=2), folded=True),
        ],
    )
    report.save(folder / "report.html")


def _paragraphs(config: dict[str, Any], compared: Comparison, private: Sequence[str]) -> list[str]:
    if not private:
        return ["No run was private."]
    run = compared.groups[private[0]][0].run
    return [
        f"Each epsilon holds for each {run['unit']} of each client, over all rounds; adjacency: "
        f"{run['adjacency']}; delta {run['delta']:g}; {run['sampling']} sampling from a client's "
        f"own data; accountant {run['accountant']}. It assumes {run['assumes']}. Clients hold "
        "different people, so what one spends, no other pays for; the table shows the largest.",
        _CHOSEN.get(config["chosen"], _CHOSEN_ELSEWHERE),
        *([_ON_THE_REPORT] if _has_the_reports(config) else []),
    ]


_CHOSEN = {
    "": "Settings of each budget come with this package. Those for MNIST and HAM10000 were chosen "
    "on validation parts of the training data, not on the test part: for MNIST in about thirty "
    "trials, for HAM10000 by experiment privacy_tuning in eight for each budget. What that choice "
    "tells of these images is not accounted for. Those for the embedded digits were chosen by "
    "hand; other data have none.",
    "none": "Settings are the same for every budget.",
}
_CHOSEN_ELSEWHERE = (
    "Settings of each budget come from a file. What their choice tells of the images that they "
    "were chosen on is not accounted for."
)
_ON_THE_REPORT = (
    "The report's accuracies are those that it prints for MNIST; it names neither its sampling nor "
    "its accountant, so that its epsilons may not mean the same."
)


def _draw(folder: Path, config: dict[str, Any], compared: Comparison) -> tuple[Path, str]:
    groups = sorted(compared.groups, key=epsilon_of)
    epsilons = [epsilon_of(group) for group in groups]
    ours = 100 * np.stack([compared.final(group, "final_accuracy") for group in groups], axis=1)
    lines = {"tff_health": ours}
    if _has_the_reports(config):
        lines["the report"] = np.array([[THE_REPORTS.get(e, np.nan) for e in epsilons]])
    majority = 100 * compared.final(groups[0], "majority_accuracy").mean()
    figure = accuracy_over_epsilon(epsilons, lines, {"majority class": majority})
    path = figures.save(figure, folder / "figures", "accuracy_over_epsilon")
    return path, "Test accuracy over epsilon; bars are standard deviations over seeds."


def _draw_rounds(folder: Path, compared: Comparison) -> tuple[Path, str]:
    path = figures.save(compared.accuracy_figure(), folder / "figures", "accuracy_over_rounds")
    return path, "Accuracy as the communication rounds go on, for each epsilon."
