"""What experiment `schemes` leaves behind: Table 1, Figures 5 to 7, summary, report."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tff_health.data.split_names import split_warnings
from tff_health.experiments.schemes_findings import (
    REFERENCE,
    differences,
    findings,
    lead,
    of_the_paper,
    time_ratio,
)
from tff_health.measurements.scheme_probe import SchemeProbe
from tff_health.reporting import figures
from tff_health.reporting.report import Report, Section, citing, configuration
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.reporting.tables import Cell, Table
from tff_health.settings.config import RunConfig
from tff_health.studies.comparison import (
    ComparedRun,
    Comparison,
    number,
    server_seconds,
    spread,
)
from tff_health.studies.figures import Line, over_rounds
from tff_health.studies.summary import write_summary
from tff_health.training.metrics_log import Value

_PAPER_TABLE_1 = {
    "fedavg": ("(empty)", "no"),
    "bonawitz": ("yes", "no"),
    "fedopt": ("no", "yes"),
    "fang": ("no", "yes"),
    "zhang": ("yes", "yes"),
}


def write(
    folder: ResultsFolder,
    config: RunConfig,
    tested: int,
    runs: Sequence[ComparedRun],
    probes: Mapping[str, SchemeProbe],
) -> str:
    """Writes all results into `folder`, summary.json last.

    Args:
        folder: of the experiment.
        config: the settings.
        tested: images in the test part.
        runs: of all schemes, baselines and seeds.
        probes: by scheme, in the paper's order.

    Returns:
        what was found, in lines for people.
    """
    compared = Comparison(runs)
    tables = [table_1(probes), compared.accuracy_table(), cost_table(compared, list(probes))]
    for table in tables:
        table.save(folder.path / "tables")
    _report(folder, config, tested, compared, tables)
    first = [dict(zip(tables[0].columns, row, strict=True)) for row in tables[0].rows]
    write_summary(folder, config, compared, table_1=first)
    return _text(folder.path, config, compared)


def table_1(probes: Mapping[str, SchemeProbe]) -> Table:
    """The paper's Table 1, each cell as sums with and without dropouts showed it."""
    rows = []
    for scheme, probe in probes.items():
        lost = [stage for stage, survived in probe.survives.items() if not survived]
        if not probe.survives:
            support = "yes (there is no protocol to finish)"
        elif probe.supports_dropouts:
            support = f"yes (in each of {len(probe.survives)} stages)"
        else:
            support = f"no (ends it: {', '.join(lost)})"
        encrypted = f"yes ({probe.encrypted})" if probe.encrypted else "no"
        rows.append((scheme, support, encrypted, *_PAPER_TABLE_1[scheme]))
    return Table(
        "table_1",
        "Functionality (the paper's Table 1): what happened when a client dropped out of a sum, "
        "and what uploads were found to hold under homomorphic encryption",
        (
            *("scheme", "dropout support", "homomorphic encryption"),
            *("paper: dropout support", "paper: homomorphic encryption"),
        ),
        rows,
    )


def cost_table(compared: Comparison, schemes: Sequence[str]) -> Table:
    """What a round costs."""
    rows: list[Sequence[Cell]] = []
    for scheme in schemes:
        run = compared.groups[scheme][0]
        clients, last = run.outcome.num_clients, run.rows[run.encrypted_rounds - 1]
        rows.append(
            (
                scheme,
                f"{compared.seconds(scheme).mean():.2f}",
                *(
                    f"{compared.crypto(scheme, role):.3f}"
                    for role in ("client", "server", "holder")
                ),
                f"{number(last, 'bytes_up') / clients / 1e3:,.1f}",
                f"{number(last, 'bytes_down') / clients / 1e3:,.1f}",
                f"{run.encrypted_rounds} of {len(run.rows)}",
            )
        )
    return Table(
        "costs",
        "One round: seconds (medians over rounds, without evaluation), and bytes of one client "
        "in the last round that was run with its cryptography",
        (
            *("", "round s", "clients' cryptography s", "server's s", "key holder's s"),
            *("up kB", "down kB", "rounds with cryptography"),
        ),
        rows,
    )


def _report(
    folder: ResultsFolder,
    config: RunConfig,
    tested: int,
    compared: Comparison,
    tables: Sequence[Table],
) -> None:
    rounds = len(compared.groups[REFERENCE][0].rows)
    top = max(of_the_paper(compared), key=lambda s: compared.final(s, "final_accuracy").mean())
    report = Report(
        title=f"Five schemes on {config.data_name}",
        subtitle=f"{config.data.split} split, {config.cohort.num_clients} clients, "
        f"{rounds} rounds, batches of {config.training.batch_size}, "
        f"seeds {', '.join(map(str, config.study.seeds))}",
        findings=[
            *(
                (scheme, f"{100 * compared.final(scheme, 'final_accuracy').mean():.1f} %")
                for scheme in of_the_paper(compared)
            ),
            ("majority class", f"{100 * compared.final(top, 'majority_accuracy').mean():.1f} %"),
            ("round, zhang / bonawitz", f"{time_ratio(compared):.2f}"),
        ],
        lead=lead(compared),
        warnings=split_warnings(config.data.split),
        sections=[
            Section("What was found", findings(config, compared, tested)),
            Section("What the schemes can do", tables=[tables[0]]),
            Section(
                "Accuracy",
                ["Dotted: rounds of fang whose sums were taken from bonawitz, see below."],
                figures=[_draw_accuracy(folder.path, compared)],
                tables=[tables[1]],
            ),
            Section(
                "Time",
                [
                    "The paper's “server running time” is the time in which the server drives the "
                    "whole round, training included. All clients are trained on this machine.",
                ],
                figures=[_draw_time(folder.path, compared)],
                tables=[tables[2]],
            ),
            Section("Communication", figures=[_draw_bytes(folder.path, compared)]),
            Section("What differs from the paper, and why", differences(config, compared)),
            citing(folder),
            configuration(folder),
        ],
    )
    report.save(folder.path / "report.html")


def _draw_accuracy(folder: Path, compared: Comparison) -> tuple[Path, str]:
    figure = compared.accuracy_figure()
    path = figures.save(figure, folder / "figures", "figure_5_accuracy")
    return path, "Accuracy as the communication rounds go on (the paper's Fig. 5)."


def _draw_time(folder: Path, compared: Comparison) -> tuple[Path, str]:
    label = "server running time (s)"
    lines = {s: compared.cumulative(s, server_seconds) for s in of_the_paper(compared)}
    figure = over_rounds({label: lines}, log_panels=[label])
    path = figures.save(figure, folder / "figures", "figure_6_time")
    return path, "Running time up to each round, without evaluation (the paper's Fig. 6)."


def _draw_bytes(folder: Path, compared: Comparison) -> tuple[Path, str]:
    def megabytes(row: dict[str, Value]) -> float:
        return (number(row, "bytes_up") + number(row, "bytes_down")) / 1e6

    lines = {scheme: compared.cumulative(scheme, megabytes) for scheme in of_the_paper(compared)}
    base = lines[REFERENCE].values
    apart = {
        scheme: Line(line.rounds, line.values - base, line.measured_until)
        for scheme, line in lines.items()
    }
    figure = over_rounds({f"bytes of all clients, less {REFERENCE}'s (MB)": apart})
    path = figures.save(figure, folder / "figures", "figure_7_communication")
    return path, "Difference of communication from scheme V, up to each round (the paper's Fig. 7)."


def _text(folder: Path, config: RunConfig, compared: Comparison) -> str:
    lines = [
        f"five schemes on {config.data_name} ({config.data.split} split), final test accuracy:"
    ]
    for group in compared.groups:
        accuracy = spread(100 * compared.final(group, "final_accuracy"))
        balanced = spread(100 * compared.final(group, "balanced_accuracy"))
        lines.append(f"  {group:12s} {accuracy:>12s} %   balanced {balanced:>12s} %")
    lines.append(f"  round of zhang over round of bonawitz: {time_ratio(compared):.2f}")
    return "\n".join([*lines, f"  report       {folder / 'report.html'}"])
