"""What experiment `he` leaves behind: summary, table, figures, report, and a line of advice."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from tff_health.measurements.sum_costs import SumCost
from tff_health.reporting import figures
from tff_health.reporting.files import write_json
from tff_health.reporting.report import Report, Section, citing, configuration
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.reporting.tables import Cell, Table
from tff_health.settings.config import RunConfig

_NAIVE, _MASKING = "phe_2048", "masking"
_NUMBERS = ("number_elgamal", "number_paillier")
_COLUMNS = (
    "protocol",
    "client s",
    "server s",
    "holder s",
    "MB up",
    "kB down",
    "keys s",
    "strength",
    "error",
    "dropouts",
    "measured",
)


def write(folder: ResultsFolder, config: RunConfig, costs: Sequence[SumCost]) -> None:
    """Writes all results into `folder`, summary.json last.

    Args:
        folder: of the run.
        config: the settings.
        costs: of each contender.
    """
    vectors, numbers = _measured(costs, "vector"), _measured(costs, "number")
    tables = [
        _table("vectors", f"One sum of vectors of {costs[0].length:,} numbers", vectors),
        _table("numbers", "One sum of one number a client", numbers),
    ]
    for table in tables:
        table.save(folder.path / "tables")
    _report(folder, config, costs, tables)
    summary = {
        "experiment": "he",
        "preset": config.run.preset,
        "num_clients": config.cohort.num_clients,
        "vector_length": costs[0].length,
        "advice": advice(costs),
        "contenders": [
            {**dataclasses.asdict(cost), "extrapolated": cost.is_extrapolated} for cost in costs
        ],
    }
    write_json(folder.summary_path, summary)


def summary_text(costs: Sequence[SumCost], length: int, num_clients: int, folder: Path) -> str:
    """The lines that end a run on the terminal."""
    lines = [f"one sum of {length:,} numbers over {num_clients} clients, seconds and bytes up:"]
    for cost in costs:
        what = f"  {cost.name:30s}"
        if cost.problem:
            lines.append(f"{what} not measured: {cost.problem}")
            continue
        lines.append(
            f"{what} client {_seconds(cost.seconds_client):>8s}   server "
            f"{_seconds(cost.seconds_server):>8s}   key holder {_seconds(cost.seconds_holder):>8s}"
            f"   {_bytes(cost.bytes_up):>8s}{_mark(cost)}"
        )
    return "\n".join([*lines, *advice(costs), f"  report             {folder / 'report.html'}"])


def advice(costs: Sequence[SumCost]) -> list[str]:
    """What follows from the measurements for who has to choose; a sentence each."""
    by_key = {cost.key: cost for cost in costs if not cost.problem}
    naive, masking = by_key[_NAIVE], by_key[_MASKING]
    ciphers = [cost for cost in _measured(costs, "vector") if cost.key != _MASKING]
    best = min(ciphers, key=lambda cost: cost.seconds_round)
    lines = [
        f"If clients may drop out, or no single party may decrypt: {masking.name}. It takes a "
        f"client {_seconds(masking.seconds_client)} and {_bytes(masking.bytes_up)}, needs no key "
        "holder, and finishes without those that drop out.",
        "If clients should not have to work with each other, share a key holder apart from the "
        f"server, and all stay to the end: {best.name}, the fastest encryption here. It takes a "
        f"client {_seconds(best.seconds_client)} and {_bytes(best.bytes_up)}, the server "
        f"{_seconds(best.seconds_server)}, the key holder {_seconds(best.seconds_holder)}; in all "
        f"{_times(best.seconds_round, masking.seconds_round)} the time of masking.",
    ]
    smallest = min(ciphers, key=lambda cost: cost.bytes_up)
    if smallest is not best:
        lines.append(
            f"If bytes cost more than seconds: {smallest.name}, which takes a client "
            f"{_bytes(smallest.bytes_up)} and {_seconds(smallest.seconds_client)}."
        )
    if best is not naive:
        slower, longer = (
            _times(naive.seconds_client, best.seconds_client),
            _times(naive.bytes_up, best.bytes_up),
        )
        lines.append(
            f"One value a ciphertext ({naive.name}) takes a client "
            f"{_seconds(naive.seconds_client)} and {_bytes(naive.bytes_up)}: {slower} the time "
            f"and {longer} the bytes of {best.name}."
        )
    if all(key in by_key for key in _NUMBERS):
        one, other = (by_key[key] for key in _NUMBERS)
        lines.append(
            f"For one number a client, {one.name.split(',')[0]} takes "
            f"{_seconds(one.seconds_client)} and {_bytes(one.bytes_up)}, "
            f"{other.name.split(',')[0]} {_seconds(other.seconds_client)} and "
            f"{_bytes(other.bytes_up)}; the first has no single party that can decrypt."
        )
    lines += [f"Not measured: {cost.name}: {cost.problem}." for cost in costs if cost.problem]
    return lines


def _measured(costs: Sequence[SumCost], sums: str) -> list[SumCost]:
    return [cost for cost in costs if cost.sums == sums and not cost.problem]


def _table(name: str, title: str, costs: Sequence[SumCost]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            cost.name + _mark(cost),
            _digits(cost.seconds_client),
            _digits(cost.seconds_server),
            _digits(cost.seconds_holder),
            _digits(cost.bytes_up / 1e6),
            _digits(cost.bytes_down / 1e3),
            _digits(cost.seconds_key),
            cost.security_bits,
            f"{cost.largest_error:.1e}",
            "survives" if cost.survives else "ends",
            cost.measured,
        )
        for cost in costs
    ]
    return Table(name, title, _COLUMNS, rows)


def _report(
    folder: ResultsFolder, config: RunConfig, costs: Sequence[SumCost], tables: Sequence[Table]
) -> None:
    length = costs[0].length
    vectors, numbers = _measured(costs, "vector"), _measured(costs, "number")
    ciphers = [cost for cost in vectors if cost.key != _MASKING]
    best = min(ciphers, key=lambda cost: cost.seconds_round)
    by_key = {cost.key: cost for cost in costs}
    report = Report(
        title="Homomorphic encryption of a model",
        subtitle=f"one sum of {length:,} numbers of {config.value_bits} bits, "
        f"{config.cohort.num_clients} clients, preset {config.run.preset}, seed {config.run.seed}",
        findings=[
            (f"{best.name}, a client", _seconds(best.seconds_client)),
            (f"{best.name}, up", _bytes(best.bytes_up)),
            ("phe, a client", _seconds(by_key[_NAIVE].seconds_client)),
            ("phe, up", _bytes(by_key[_NAIVE].bytes_up)),
            ("double masking, a client", _seconds(by_key[_MASKING].seconds_client)),
            ("double masking, up", _bytes(by_key[_MASKING].bytes_up)),
        ],
        lead=advice(costs)[0],
        warnings=[f"{c.name} was not measured: {c.problem}." for c in costs if c.problem],
        sections=[
            Section("What to choose", advice(costs)),
            Section(
                "Vectors",
                _reading(vectors),
                figures=[_draw(folder.path, "vectors", vectors)],
                tables=[tables[0]],
            ),
            Section(
                "One number a client",
                ["What scheme zhang needs for the sum of qualities, and its Paillier twin."],
                figures=[_draw(folder.path, "numbers", numbers)],
                tables=[tables[1]],
            ),
            citing(folder),
            configuration(folder),
        ],
    )
    report.save(folder.path / "report.html")


def _reading(costs: Sequence[SumCost]) -> list[str]:
    lines = [
        "Every protocol summed the same numbers message by message, and every sum was right before "
        "its time was taken. A client's seconds are encryption or masking and signing; the server "
        "checks what arrives and adds; the key holder decrypts. Bytes are those of the protocol, "
        "without the model that goes down to every client. Errors are of the decoded mean against "
        "float64: rounding to fixed point, and nothing else.",
        "In the table, seconds and bytes are those of one client, or of the server or key holder, "
        "in one sum; keys are made once for all rounds, by all parties together. Strength is in "
        "bits, by NIST SP 800-57 and for CKKS and BFV by the homomorphic encryption standard. "
        "Dropouts: a client that drops out ends the sum, or it survives. Measured: numbers of a "
        "vector.",
    ]
    parts = [f"{cost.measured:,} for {cost.name}" for cost in costs if cost.is_extrapolated]
    if parts:
        lines.append(
            "Hatched bars and rows marked * are extrapolated from the first values of the vector: "
            f"{', '.join(parts)}. Making keys is never extrapolated."
        )
    return lines


def _draw(folder: Path, name: str, costs: Sequence[SumCost]) -> tuple[Path, str]:
    unit, size = ("MB", 1e6) if max(cost.bytes_up for cost in costs) > 1e6 else ("bytes", 1)
    figure = figures.cost_bars(
        [cost.name for cost in costs],
        {
            "seconds a sum": {
                "a client": [cost.seconds_client for cost in costs],
                "server": [cost.seconds_server for cost in costs],
                "key holder": [cost.seconds_holder for cost in costs],
            },
            f"{unit} up, a client": {"up": [cost.bytes_up / size for cost in costs]},
        },
        [cost.is_extrapolated for cost in costs],
    )
    path = figures.save(figure, folder / "figures", name)
    return path, "Seconds and bytes of one sum, on logarithmic axes; hatched: extrapolated."


def _mark(cost: SumCost) -> str:
    return " *" if cost.is_extrapolated else ""


def _digits(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value == 0:
        return "-"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 1e-4 else f"{value:.6f}"


def _seconds(value: float) -> str:
    if value < 1:
        return f"{1000 * value:.3g} ms" if value else "-"
    return f"{value:.3g} s" if value < 600 else f"{value / 60:.0f} min"


def _bytes(value: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.0f} B"


def _times(one: float, other: float) -> str:
    ratio = one / other
    return f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:.1f} times"
