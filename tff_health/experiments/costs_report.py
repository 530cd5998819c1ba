"""What experiment `costs` leaves behind: the paper's formulas beside what was sent and done."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from tff_health.measurements.recorded_session import Recorded
from tff_health.reporting import figures
from tff_health.reporting.figures import COLOURS, STYLE
from tff_health.reporting.files import write_json
from tff_health.reporting.report import Report, Section, citing, configuration
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.reporting.tables import Cell, Table
from tff_health.settings.config import RunConfig

_WHY_BYTES = {
    "headers, session and sender": "each message names its kind, its session and its sender; the "
    "formulas count contents alone",
    "authentication tags of shares": "16 bytes a share show its receiver that nobody changed it",
    "ids and lengths": "whose share it is, and how long a field is",
    "last byte of the update, filled up": "m log2 R is no whole number of bytes",
    "invitation and keys of the round": "who takes part, and the key pairs and public keys of the "
    "round; the paper leaves out what initialises a round",
    "list of dropped clients": "the paper leaves the list out",
    "shares of mask keys": "the server asks all survivors for their shares of dropped clients' "
    "keys, not e of them, so that one that vanishes then is no loss: (n - d - e) d shares more",
}
_WHY_OPERATIONS = {
    "shares made": "one share is made at the client's own point, and kept by nobody",
    "key agreements": "the server tries both public keys of each client before it hands them on: "
    "2 n more",
    "partial decryptions": "the formula counts them at the server, as multiplications",
}


def write(folder: ResultsFolder, config: RunConfig, recorded: Sequence[Recorded]) -> str:
    """Writes all results into `folder`, summary.json last.

    Args:
        folder: of the experiment.
        config: the settings.
        recorded: the sessions.

    Returns:
        what was found, in lines for people.
    """
    tables = [
        _table("client_bytes", "Bytes of one client that helped to decrypt", recorded, "client"),
        _table("server_bytes", "Bytes of the server: uploads, shares, help", recorded, "server"),
        _table("client_operations", "Operations of that client", recorded, "client_operations"),
        _table("server_operations", "Operations of the server", recorded, "server_operations"),
    ]
    for table in tables:
        table.save(folder.path / "tables")
    lines = findings(recorded)
    _report(folder, recorded, tables, lines)
    summary = {
        "experiment": "costs",
        "preset": config.run.preset,
        "vector_length": recorded[0].task.length,
        "findings": lines,
        "runs": [
            {
                **dataclasses.asdict(one),
                "client_formula": one.client_formula,
                "server_formula": one.server_formula,
                "client_operations_formula": one.client_operations_formula,
                "server_operations_formula": one.server_operations_formula,
            }
            for one in recorded
        ],
    }
    write_json(folder.summary_path, summary)
    report = f"  report       {folder.path / 'report.html'}"
    return "\n".join(["scheme zhang against the paper's section 6:", *_ratios(recorded), report])


def findings(recorded: Sequence[Recorded]) -> list[str]:
    """What follows from the records; a paragraph each."""
    exact = all(
        one.client[term] == wanted
        for one in recorded
        for term, wanted in one.client_formula.items()
    )
    same = "byte for byte" if exact else "but for the terms below"
    overheads = [one.client_bytes / sum(one.client_formula.values()) - 1 for one in recorded]
    servers = [one.server_bytes / sum(one.server_formula.values()) - 1 for one in recorded]
    return [
        f"What the formula of a client counts was sent {same}: shares, partial decryption, "
        f"ciphertext and masked update. With all that it leaves out, a client's bytes are "
        f"{100 * min(overheads):.2f} to {100 * max(overheads):.2f} % more.",
        f"The server's are {100 * min(servers):.2f} to {100 * max(servers):.2f} % more than its "
        "formula. Every byte beyond the formulas is put to a reason in the tables, and every "
        "message was taken apart: what is not explained would have ended this experiment.",
    ]


def _ratios(recorded: Sequence[Recorded]) -> list[str]:
    return [
        f"  {one.task.num_clients:3d} clients, {one.task.num_dropped:2d} dropped: a client "
        f"{one.client_bytes:,} bytes, {one.client_bytes / sum(one.client_formula.values()):.4f} "
        f"times the formula; the server {one.server_bytes:,}, "
        f"{one.server_bytes / sum(one.server_formula.values()):.4f} times"
        for one in recorded
    ]


def _formula(one: Recorded, what: str) -> Mapping[str, int]:
    formula: Mapping[str, int] = getattr(one, f"{what}_formula")
    return formula


def _table(name: str, title: str, recorded: Sequence[Recorded], what: str) -> Table:
    """Terms as rows: the formula and what was found, for each session; and why they differ."""
    reasons = _WHY_OPERATIONS if "operations" in what else _WHY_BYTES
    names = list(dict.fromkeys([*_formula(recorded[0], what), *getattr(recorded[0], what)]))
    rows: list[Sequence[Cell]] = []
    for term in names:
        cells: list[str] = []
        differs = False
        for one in recorded:
            wanted, found = _formula(one, what).get(term, 0), getattr(one, what)[term]
            differs |= wanted != found
            cells.append(f"{wanted:,} / {found:,}")
        if any(cell != "0 / 0" for cell in cells):
            rows.append((term, *cells, reasons.get(term, "") if differs else "the same"))
    if "operations" not in what:
        totals = [
            f"{sum(_formula(one, what).values()):,} / {sum(getattr(one, what).values()):,}"
            for one in recorded
        ]
        rows.append(("in all", *totals, ""))
    sessions = [
        f"n\N{NO-BREAK SPACE}{one.task.num_clients} d\N{NO-BREAK SPACE}{one.task.num_dropped} "
        f"e\N{NO-BREAK SPACE}{one.threshold}"
        for one in recorded
    ]
    return Table(
        name,
        f"{title}: formula / found, for n clients, d dropped, threshold e",
        ("", *sessions, "why they differ"),
        rows,
    )


def _report(
    folder: ResultsFolder,
    recorded: Sequence[Recorded],
    tables: Sequence[Table],
    lines: Sequence[str],
) -> None:
    task, lengths = recorded[0].task, recorded[0].lengths
    report = Report(
        title="What scheme zhang costs, against the paper's formulas",
        subtitle=f"updates of m = {task.length:,} numbers, sums of log2 R = "
        f"{', '.join(sorted({str(one.task.modulus_bits) for one in recorded}))} bits, a_s = "
        f"{lengths.share}, a_k = {lengths.element}, a_c = {lengths.ciphertext} bytes",
        findings=[
            (
                f"{one.task.num_clients} clients, {one.task.num_dropped} dropped",
                f"{one.client_bytes / sum(one.client_formula.values()):.4f}",
            )
            for one in recorded
        ],
        lead=lines[0],
        sections=[
            Section("What was found", ["Above: bytes of a client over the formula.", *lines[1:]]),
            Section(
                "Bytes",
                [
                    "A client: [2(n-1) + d] a_s + 2 a_k + a_c + m log2 R (6.1.2). The server: "
                    "e d a_s + 2 e a_k + (n-d) a_c + (n-d) m log2 R (6.2.2); what else it sends, "
                    "the paper puts to the clients.",
                ],
                figures=[_draw(folder.path, recorded)],
                tables=tables[:2],
            ),
            Section(
                "Operations",
                [
                    "Counted while the sessions ran, by what the primitives of crypto told (6.1.1, "
                    "6.2.1). An addition of ciphertexts is two multiplications.",
                ],
                tables=tables[2:],
            ),
            citing(folder),
            configuration(folder),
        ],
    )
    report.save(folder.path / "report.html")


def _draw(folder: Path, recorded: Sequence[Recorded]) -> tuple[Path, str]:
    """A client's bytes without the masked update, which is a thousand times larger."""
    names = [name for name in recorded[0].client if name != "masked update"]
    places = np.arange(len(recorded))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.5, 4.2), layout="constrained")
        axes = figure.subplots()
        for shift, source in ((-0.2, "client_formula"), (0.2, "client")):
            bottom = np.zeros(len(recorded))
            for index, name in enumerate(names):
                heights = np.array([getattr(one, source).get(name, 0) for one in recorded], float)
                axes.bar(
                    *(places + shift, heights, 0.36),
                    bottom=bottom,
                    color=figures.COLOURS[index % len(COLOURS)],
                    hatch="//" if index >= len(COLOURS) else "",
                    edgecolor="white",
                    linewidth=0.5,
                    label=name if shift > 0 else None,
                )
                bottom += heights
        labels = [f"n = {o.task.num_clients}\nd = {o.task.num_dropped}" for o in recorded]
        axes.set_xticks(places, labels)
        axes.set_ylabel("bytes of a client beside its update")
        axes.grid(visible=False, axis="x")
        figure.legend(loc="outside right upper")
    path = figures.save(figure, folder / "figures", "client_bytes")
    return path, "Left the formula, right what was sent and received, without the masked update."
