"""What experiment `privacy` leaves behind: the report's table and chart, attacks, summary."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tff_health.data.split_names import split_warnings
from tff_health.experiments.privacy import attack_report
from tff_health.experiments.privacy.attack_report import Attacks
from tff_health.experiments.privacy.figures import accuracy_over_epsilon
from tff_health.reporting import figures
from tff_health.reporting.report import Report, Section, citing, configuration
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.reporting.tables import Cell, Table
from tff_health.settings.config import RunConfig
from tff_health.settings.groups.privacy import OF_BATCHES, OF_LOTS
from tff_health.studies.comparison import ComparedRun, Comparison, spread
from tff_health.studies.summary import write_summary
from tff_health.training.outcome import PrivacyTerms

THE_REPORTS = {0.1: 65.0, 0.5: 78.0, 1.0: 85.0, 2.0: 90.0, 5.0: 93.0, 10.0: 95.0, math.inf: 96.0}
"""Test accuracy on MNIST by epsilon, in percent: Table 1 of the two-layer report."""
_THE_REPORTS_DATA = "mnist"


def write(
    folder: ResultsFolder,
    config: RunConfig,
    runs: Sequence[ComparedRun],
    attacks: Attacks,
) -> str:
    """Writes all results into `folder`, summary.json last.

    Args:
        folder: of the experiment.
        config: the settings.
        runs: of all budgets and seeds.
        attacks: on the models of the first seed.

    Returns:
        what was found, in lines for people.
    """
    compared = Comparison(runs)
    table = _table(config, compared)
    tables = [table, _settings_table(compared), compared.accuracy_table()]
    inferred = attack_report.membership_table(attacks)
    for each in (*tables, inferred):
        each.save(folder.path / "tables")
    found = attack_report.sections(folder.path, attacks, inferred)
    _report(folder, config, compared, tables, found)
    write_summary(folder, config, compared, attacks=attack_report.summary(attacks))
    lines = [
        f"{config.run.scheme} on {config.data_name} ({config.data.split} split), "
        f"{config.cohort.num_clients} clients, {config.training.rounds} rounds, "
        f"delta {config.privacy.delta:g}; test accuracy:"
    ]
    for group in compared.groups:
        accuracy = spread(100 * compared.final(group, "final_accuracy"))
        lines.append(f"  {group:12s} {accuracy:>12s} %")
    return "\n".join([*lines, f"  report       {folder.path / 'report.html'}"])


def _table(config: RunConfig, compared: Comparison) -> Table:
    columns = ["epsilon", "accuracy", "balanced accuracy", "epsilon spent", "noise multiplier"]
    rows: list[list[Cell]] = []
    for group, runs in compared.groups.items():
        epsilon = runs[0].config.privacy.epsilon or math.inf
        spent = [run.outcome.privacy for run in runs if run.outcome.privacy]
        rows.append(
            [
                f"{epsilon:g}" if spent else "no DP",
                spread(100 * compared.final(group, "final_accuracy")),
                spread(100 * compared.final(group, "balanced_accuracy")),
                f"{max(one.epsilon for one in spent):.3f}" if spent else "",
                f"{spent[0].terms.noise_multiplier:.3f}" if spent else "",
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


def _has_the_reports(config: RunConfig) -> bool:
    return config.data.dataset == _THE_REPORTS_DATA


def _settings_table(compared: Comparison) -> Table:
    names = (
        *("model", "learning_rate", "decay_rounds", "client_momentum"),
        *OF_LOTS,
        *OF_BATCHES,
    )
    rows: list[Sequence[Cell]] = []
    for group, runs in compared.groups.items():
        config = runs[0].config
        foreign = OF_LOTS if config.privacy.noise == "none" else OF_BATCHES
        cells = ("" if name in foreign else str(config.value(name)) for name in names)
        rows.append((group, *cells))
    return Table("settings", "Settings of each budget", ("", *names), rows)


def _report(
    folder: ResultsFolder,
    config: RunConfig,
    compared: Comparison,
    tables: Sequence[Table],
    attack_sections: Sequence[Section],
) -> None:
    private = [run.outcome.privacy.terms for run in compared.runs if run.outcome.privacy]
    report = Report(
        title=f"Accuracy over epsilon: {config.run.scheme} on {config.data_name}",
        subtitle=f"{config.data.split} split, {config.cohort.num_clients} clients, "
        f"{config.training.rounds} rounds, delta {config.privacy.delta:g}, "
        f"noise {config.privacy.noise}, seeds {', '.join(map(str, config.study.seeds))}",
        findings=[
            (group, f"{spread(100 * compared.final(group, 'final_accuracy'))} %")
            for group in compared.groups
        ],
        lead=_lead(compared),
        warnings=split_warnings(config.data.split),
        sections=[
            Section(
                "Accuracy and privacy",
                _paragraphs(config, private),
                figures=[_draw(folder.path, config, compared), _draw_rounds(folder.path, compared)],
                tables=tables,
            ),
            *attack_sections,
            citing(folder),
            configuration(folder),
        ],
    )
    report.save(folder.path / "report.html")


def _lead(compared: Comparison) -> str:
    accuracy = {g: 100 * compared.final(g, "final_accuracy").mean() for g in compared.groups}
    plain = [g for g, runs in compared.groups.items() if not runs[0].outcome.privacy]
    private = sorted(
        accuracy.keys() - plain, key=lambda g: compared.groups[g][0].config.privacy.epsilon
    )
    if not plain or not private:
        return ""
    reached = " and ".join(
        f"{accuracy[group]:.1f} % at {group}" for group in dict.fromkeys((private[-1], private[0]))
    )
    lead = f"Without privacy, test accuracy is {accuracy[plain[0]]:.1f} %; with it, {reached}."
    if max(accuracy[group] for group in private) > accuracy[plain[0]]:
        lead += " Each budget has settings of its own, as the table says."
    return lead


def _paragraphs(config: RunConfig, private: Sequence[PrivacyTerms]) -> list[str]:
    if not private:
        return ["No run was private."]
    terms = private[0]
    return [
        f"Each epsilon holds for each {terms.unit} of each client, over all rounds; adjacency: "
        f"{terms.adjacency}; delta {terms.delta:g}; {terms.sampling} sampling from a client's "
        f"own data; accountant {terms.accountant}. It assumes {terms.assumes}. Clients hold "
        "different people, so what one spends, no other pays for; the table shows the largest.",
        _CHOSEN.get(config.study.chosen, _CHOSEN_ELSEWHERE),
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


def _draw(folder: Path, config: RunConfig, compared: Comparison) -> tuple[Path, str]:
    budgets = {g: runs[0].config.privacy.epsilon or math.inf for g, runs in compared.groups.items()}
    groups = sorted(budgets, key=lambda group: budgets[group])
    epsilons = [budgets[group] for group in groups]
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
