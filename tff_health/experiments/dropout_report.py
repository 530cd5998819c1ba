"""What experiment `dropout` leaves behind: table, Figure 8, summary, report."""

import dataclasses
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from tff_health.reporting import figures
from tff_health.reporting.figures import COLOURS, STYLE
from tff_health.reporting.files import write_json
from tff_health.reporting.report import Report, Section, citing, configuration
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.reporting.tables import Cell, Table
from tff_health.settings.config import RunConfig
from tff_health.training.outcome import heading

PAPER_RATIO = 1.0829  # 30 clients, 30 % dropped, section 7.3.4
_HATCHES = ("", "//", "..", "xx", "\\\\", "oo", "--")


@dataclass(frozen=True)
class MeasuredRound:
    """One round; bytes and seconds of cryptography are those of all clients, or of the server.

    Attributes:
        clients: in the cohort.
        rate: share of them that dropped out.
        turn: in which it was measured.
        survivors: clients in the sum.
        seconds_round: all of it.
        seconds_training: of that, the clients' work.
        seconds_client: of that, the clients' cryptography.
        seconds_server: of that, the server's cryptography.
        bytes_up: from clients to the server.
        bytes_down: from the server to clients, without the model.
    """

    clients: int
    rate: float
    turn: int
    survivors: int
    seconds_round: float
    seconds_training: float
    seconds_client: float
    seconds_server: float
    bytes_up: int
    bytes_down: int


@dataclass(frozen=True)
class Point:
    """What the rounds of one number of clients and one rate come to; seconds are medians.

    Attributes:
        ratio: of the round's time over that without dropouts, the median over turns; NaN if that
            was not measured.
        lowest: the lowest ratio.
        highest: the highest.
    """

    clients: int
    rate: float
    survivors: int
    seconds_round: float
    seconds_client: float
    seconds_server: float
    ratio: float
    lowest: float
    highest: float
    bytes_up: int
    bytes_down: int


def points(rounds: Sequence[MeasuredRound]) -> list[Point]:
    """Takes medians over turns, and ratios within a turn."""
    lone = {(r.clients, r.turn): r.seconds_round for r in rounds if r.rate == 0}
    groups: dict[tuple[int, float], list[MeasuredRound]] = {}
    for r in sorted(rounds, key=lambda r: (r.clients, r.rate)):
        groups.setdefault((r.clients, r.rate), []).append(r)
    found = []
    for (clients, rate), group in groups.items():
        none = float("nan")
        ratios = [r.seconds_round / lone.get((clients, r.turn), none) for r in group]
        found.append(
            Point(
                clients,
                rate,
                group[0].survivors,
                statistics.median(r.seconds_round for r in group),
                statistics.median(r.seconds_client for r in group),
                statistics.median(r.seconds_server for r in group),
                statistics.median(ratios),
                min(ratios),
                max(ratios),
                group[0].bytes_up,
                group[0].bytes_down,
            )
        )
    return found


def write(folder: ResultsFolder, config: RunConfig, rounds: Sequence[MeasuredRound]) -> str:
    """Writes all results into `folder`, summary.json last.

    Returns:
        what was found, in lines for people.
    """
    found = points(rounds)
    table = _table(found, config)
    table.save(folder.path / "tables")
    _report(folder, config, found, table)
    summary = {
        **heading(config),
        "scheme": config.run.scheme,
        "turns": config.study.turns,
        "runs": [dataclasses.asdict(point) for point in found],
    }
    write_json(folder.summary_path, summary)
    lines = [f"rounds of {config.run.scheme} that clients drop out of, medians of seconds:"]
    lines += [
        f"  {p.clients:3d} clients, {100 * p.rate:3.0f} % dropped: round {p.seconds_round:6.2f}, "
        f"server's cryptography {p.seconds_server:6.3f}; {_ratio(p)} times the round without"
        for p in found
    ]
    return "\n".join([*lines, f"  report       {folder.path / 'report.html'}"])


def _table(found: Sequence[Point], config: RunConfig) -> Table:
    rows: list[Sequence[Cell]] = [
        (
            *(p.clients, f"{100 * p.rate:.0f} %", p.survivors),
            *(f"{p.seconds_round:.2f}", f"{p.seconds_server:.4f}", f"{p.seconds_client:.4f}"),
            f"{_ratio(p)} ({p.lowest:.2f} to {p.highest:.2f})" if p.ratio == p.ratio else "-",
            *(round(p.bytes_up / p.clients), round(p.bytes_down / p.clients)),
        )
        for p in found
    ]
    return Table(
        "dropout",
        f"A round, medians of {config.study.turns} turns; ratios are taken within a turn",
        (
            *("clients", "dropped", "survivors", "round s", "server's cryptography s"),
            *("all clients' cryptography s", "round over none dropped"),
            *("bytes up a client", "bytes down a client"),
        ),
        rows,
    )


def _report(folder: ResultsFolder, config: RunConfig, found: Sequence[Point], table: Table) -> None:
    last = found[-1]
    base = next(p for p in found if p.clients == last.clients)
    lines = [
        f"With {last.clients} clients, a round in which {100 * last.rate:.0f} % drop out takes "
        f"{_ratio(last)} times as long as one in which {100 * base.rate:.0f} % do (the paper: "
        f"{PAPER_RATIO:.2f} for 30 clients and 30 %).",
        f"The server's cryptography alone takes {last.seconds_server:.3f} s there, and "
        f"{base.seconds_server:.3f} s: for each client that vanished after it shared its keys, the "
        "server rebuilds its key and takes away the masks that it had agreed on with every "
        "survivor.",
        "All clients are trained before the protocol begins, also those that drop out; what they "
        "no longer do is to mask and to help.",
    ]
    report = Report(
        title=f"Dropouts: {config.run.scheme} on {config.data_name}",
        subtitle=f"{config.data.split} split, model {config.training.model}, batches of "
        f"{config.training.batch_size}, {config.study.turns} turns, clients vanish at stage "
        f"{' or '.join(config.cohort.dropout_stages) or 'any'}, seed {config.run.seed}",
        lead=lines[0],
        findings=[
            (f"{p.clients} clients, {100 * p.rate:.0f} % over 0 %", _ratio(p))
            for p in found
            if p.rate == last.rate
        ],
        sections=[
            Section(
                "What was found", lines[1:], figures=[_draw(folder.path, found)], tables=[table]
            ),
            citing(folder),
            configuration(folder),
        ],
    )
    report.save(folder.path / "report.html")


def _draw(folder: Path, found: Sequence[Point]) -> tuple[Path, str]:
    counts = sorted({p.clients for p in found})
    rates = sorted({p.rate for p in found})
    panels = {
        "server running time (s)": "seconds_round",
        "server's cryptography (s)": "seconds_server",
        "round over none dropped": "ratio",
    }
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(12, 3.8), layout="constrained")
        for axes, (label, name) in zip(figure.subplots(1, 3), panels.items(), strict=True):
            width = 0.8 / len(rates)
            for index, rate in enumerate(rates):
                heights = [
                    next(getattr(p, name) for p in found if (p.clients, p.rate) == (n, rate))
                    for n in counts
                ]
                at = np.arange(len(counts)) + (index - (len(rates) - 1) / 2) * width
                axes.bar(
                    *(at, heights, width),
                    color=COLOURS[index % len(COLOURS)],
                    hatch=_HATCHES[index % len(_HATCHES)],
                    edgecolor="white",
                    label=f"{100 * rate:.0f} % dropped",
                )
            axes.set_xticks(range(len(counts)), [str(n) for n in counts])
            axes.set_xlabel("clients")
            axes.set_ylabel(label)
            axes.grid(visible=False, axis="x")
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(rates))
    path = figures.save(figure, folder / "figures", "figure_8_dropout")
    return path, "Time of a round, of which cryptography at the server (the paper's Fig. 8)."


def _ratio(point: Point) -> str:
    return f"{point.ratio:.2f}" if point.ratio == point.ratio else "-"
