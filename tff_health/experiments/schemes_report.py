"""What experiment `schemes` leaves behind: Table 1, Figures 5 to 7, summary, report."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tff_health.reporting import figures
from tff_health.reporting.files import write_json
from tff_health.reporting.report import Report, Section
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.reporting.tables import Cell, Table
from tff_health.studies.comparison import (
    ComparedRun,
    Comparison,
    number,
    server_seconds,
    spread,
)
from tff_health.studies.figures import Line, over_rounds
from tff_health.training.metrics_log import Value
from tff_health.training.report import SPLIT_NOTES

REFERENCE, MASKED = "zhang", "bonawitz"
PAPER_ACCURACY = 76.9
PAPER_TIME_RATIO = 1.1503
_PAPER_TABLE_1 = {
    "fedavg": ("(empty)", "no"),
    "bonawitz": ("yes", "no"),
    "fedopt": ("no", "yes"),
    "fang": ("no", "yes"),
    "zhang": ("yes", "yes"),
}


class Probe(Protocol):
    """What a scheme's protocol did in small sums."""

    @property
    def survives(self) -> Mapping[str, bool]: ...  # noqa: D102
    @property
    def supports_dropouts(self) -> bool: ...  # noqa: D102
    @property
    def encrypted(self) -> str: ...  # noqa: D102


def write(
    folder: ResultsFolder,
    description: dict[str, Any],
    runs: Sequence[ComparedRun],
    probes: Mapping[str, Probe],
) -> str:
    """Writes all results into `folder`, summary.json last.

    Args:
        folder: of the experiment.
        description: as in config.json.
        runs: of all schemes, baselines and seeds.
        probes: by scheme, in the paper's order.

    Returns:
        what was found, in lines for people.
    """
    compared = Comparison(runs)
    tables = [table_1(probes), compared.accuracy_table(), cost_table(compared, list(probes))]
    for table in tables:
        table.save(folder.path / "tables")
    _report(folder.path, description, compared, tables)
    config = description["config"]
    summary = {
        **{key: config[key] for key in ("experiment", "dataset", "split", "preset")},
        "table_1": [dict(zip(tables[0].columns, row, strict=True)) for row in tables[0].rows],
        "runs": [run.run for run in runs],
    }
    write_json(folder.summary_path, summary)
    return _text(folder.path, description, compared)


def table_1(probes: Mapping[str, Probe]) -> Table:
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


def time_ratio(compared: Comparison) -> float:
    """Scheme V's time of a round over that of scheme II, the mean over seeds."""
    return float(np.mean(compared.seconds(REFERENCE) / compared.seconds(MASKED)))


def cost_table(compared: Comparison, schemes: Sequence[str]) -> Table:
    """What a round costs."""
    rows: list[Sequence[Cell]] = []
    for scheme in schemes:
        run = compared.groups[scheme][0]
        clients, last = run.run["num_clients"], run.rows[run.encrypted_rounds - 1]
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
    folder: Path, description: dict[str, Any], compared: Comparison, tables: Sequence[Table]
) -> None:
    config = description["config"]
    rounds = len(compared.groups[REFERENCE][0].rows)
    top = max(_schemes(compared), key=lambda s: compared.final(s, "final_accuracy").mean())
    report = Report(
        title=f"Five schemes on {config['dataset']}",
        subtitle=f"{config['split']} split, {config['num_clients']} clients, {rounds} rounds, "
        f"batches of {config['batch_size']}, seeds {', '.join(map(str, config['seeds']))}",
        findings=[
            *(
                (scheme, f"{100 * compared.final(scheme, 'final_accuracy').mean():.1f} %")
                for scheme in _schemes(compared)
            ),
            ("majority class", f"{100 * compared.final(top, 'majority_accuracy').mean():.1f} %"),
            ("round, zhang / bonawitz", f"{time_ratio(compared):.2f}"),
        ],
        warnings=[note for note in (SPLIT_NOTES[config["split"]],) if note],
        sections=[
            Section("What was found", findings(config, compared, _test_images(description))),
            Section("What the schemes can do", tables=[tables[0]]),
            Section(
                "Accuracy",
                ["Dotted: rounds of fang whose sums were taken from bonawitz, see below."],
                figures=[_draw_accuracy(folder, compared)],
                tables=[tables[1]],
            ),
            Section(
                "Time",
                [
                    "The paper's “server running time” is the time in which the server drives the "
                    "whole round, training included. All clients are trained on this machine.",
                ],
                figures=[_draw_time(folder, compared)],
                tables=[tables[2]],
            ),
            Section("Communication", figures=[_draw_bytes(folder, compared)]),
            Section("What differs from the paper, and why", differences(config, compared)),
            Section("Configuration", listing=json.dumps(description, indent=2), folded=True),
        ],
    )
    report.save(folder / "report.html")


def _schemes(compared: Comparison) -> list[str]:
    return [group for group in compared.groups if group in _PAPER_TABLE_1]


def _test_images(description: dict[str, Any]) -> int:
    return sum(description["data"]["test_class_counts"].values())


def findings(config: dict[str, Any], compared: Comparison, test_images: int) -> list[str]:
    """What follows from the runs; a paragraph each."""
    accuracy = {s: 100 * compared.final(s, "final_accuracy").mean() for s in _schemes(compared)}
    ranked = sorted(accuracy, key=lambda scheme: -accuracy[scheme])
    order = ", ".join(f"{scheme} {accuracy[scheme]:.1f} %" for scheme in ranked)
    best = accuracy[ranked[0]] / 100
    error = 100 * (best * (1 - best) / test_images) ** 0.5
    lines = [
        f"Final test accuracy: {order}. With {test_images:,} test images, an accuracy has a "
        f"standard error of about {error:.1f} points, and seeds add to that."
    ]
    behind = [s for s in accuracy if accuracy["fedavg"] - accuracy[s] > 1]
    if behind:
        lines.append(
            f"More than one point below fedavg: {', '.join(behind)}."
            + (
                " fedopt sends one value for the largest "
                f"{100 * config['sparsity']:.3g} % of an update's coordinates; the rest waits in "
                "the clients' memory, so it learns more slowly."
                if "fedopt" in behind
                else ""
            )
        )
    best, at = compared.best(REFERENCE)
    if config["dataset"] == "ham10000" and config["split"] == "paper":
        reached = "reached" if 100 * best >= PAPER_ACCURACY else "not reached"
        lines.append(
            f"The paper's {PAPER_ACCURACY} % for its own scheme is {reached}: zhang's best is "
            f"{100 * best:.1f} %, after round {at}."
        )
    equal = compared.line("bonawitz", "test_accuracy").values
    apart = np.abs(equal - compared.line(REFERENCE, "test_accuracy").values).max()
    lines.append(
        f"Weighting by data quality changes test accuracy by at most {100 * apart:.1f} points in "
        "any round here."
    )
    lines.append(
        f"A round of zhang takes {time_ratio(compared):.2f} times as long as one of bonawitz (the "
        f"paper: {PAPER_TIME_RATIO:.2f} at round 300), most of it training."
    )
    others = [g for g in compared.groups if g not in _schemes(compared)]
    if others:
        means = ", ".join(
            f"{group} {100 * compared.final(group, 'final_accuracy').mean():.1f} %"
            for group in others
        )
        lines.append(f"Baselines: {means}.")
    return lines


def differences(config: dict[str, Any], compared: Comparison) -> list[str]:
    """What is not as in the paper; a paragraph each."""
    slow = compared.groups["fang"][0]
    lines = [
        "The paper says of homomorphic schemes that rounding costs accuracy. It does not here: "
        f"updates are rounded to multiples of 2^-{config['fraction_bits']}, and bonawitz and fang "
        "have the same model, bit for bit. What costs fedopt accuracy is compression.",
        "The paper's Table 1 leaves open whether scheme I supports dropouts; plain averaging needs "
        "nobody to stay.",
        f"In bytes, from the least: {', '.join(_by_bytes(compared))}. The paper finds scheme I the "
        "cheapest and scheme III the dearest. Here fedopt codes its positions, encrypts equal "
        "values once and sends models down as changes; the paper does not say how it sent them.",
        "Bytes are the lengths of all encoded messages, with headers, signatures and "
        "authentication tags, and with the model that goes down to every client.",
        "The paper ran clients as processes on six cores. Here TFF's workers train as many at once "
        "as there are processors, and roles of a protocol compute one after the other.",
    ]
    if slow.encrypted_rounds < len(slow.rows):
        lines.append(
            f"The {slow.encrypted_rounds} first rounds of fang were run with every parameter "
            "encrypted, and losses and accuracies were those of bonawitz in every bit. Its other "
            "rounds are bonawitz's, and their costs are those of the encrypted rounds, scaled: in "
            "summary.json the run is marked as simulated."
        )
    if config["split"] == "paper":
        lines.append(
            "The split is the paper's, and it leaks: nearly every test image has a copy of itself, "
            "or another image of the same lesion, in the training part."
        )
    return lines


def _by_bytes(compared: Comparison) -> list[str]:
    def total(scheme: str) -> float:
        run = compared.groups[scheme][0].run
        return float(run["bytes_up"] + run["bytes_down"])

    return sorted(_schemes(compared), key=total)


def _draw_accuracy(folder: Path, compared: Comparison) -> tuple[Path, str]:
    figure = compared.accuracy_figure()
    path = figures.save(figure, folder / "figures", "figure_5_accuracy")
    return path, "Accuracy as the communication rounds go on (the paper's Fig. 5)."


def _draw_time(folder: Path, compared: Comparison) -> tuple[Path, str]:
    label = "server running time (s)"
    lines = {s: compared.cumulative(s, server_seconds) for s in _schemes(compared)}
    figure = over_rounds({label: lines}, log_panels=[label])
    path = figures.save(figure, folder / "figures", "figure_6_time")
    return path, "Running time up to each round, without evaluation (the paper's Fig. 6)."


def _draw_bytes(folder: Path, compared: Comparison) -> tuple[Path, str]:
    def megabytes(row: dict[str, Value]) -> float:
        return (number(row, "bytes_up") + number(row, "bytes_down")) / 1e6

    lines = {scheme: compared.cumulative(scheme, megabytes) for scheme in _schemes(compared)}
    base = lines[REFERENCE].values
    apart = {
        scheme: Line(line.rounds, line.values - base, line.measured_until)
        for scheme, line in lines.items()
    }
    figure = over_rounds({f"bytes of all clients, less {REFERENCE}'s (MB)": apart})
    path = figures.save(figure, folder / "figures", "figure_7_communication")
    return path, "Difference of communication from scheme V, up to each round (the paper's Fig. 7)."


def _text(folder: Path, description: dict[str, Any], compared: Comparison) -> str:
    config = description["config"]
    lines = [f"five schemes on {config['dataset']} ({config['split']} split), final test accuracy:"]
    for group in compared.groups:
        accuracy = spread(100 * compared.final(group, "final_accuracy"))
        balanced = spread(100 * compared.final(group, "balanced_accuracy"))
        lines.append(f"  {group:12s} {accuracy:>12s} %   balanced {balanced:>12s} %")
    lines.append(f"  round of zhang over round of bonawitz: {time_ratio(compared):.2f}")
    return "\n".join([*lines, f"  report       {folder / 'report.html'}"])
