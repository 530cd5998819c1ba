"""What experiment `statistics` leaves behind: summary, ledger, tables, figures, report."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from tff_health.privacy.mechanism import ADJACENCY
from tff_health.reporting import figures
from tff_health.reporting.files import write_json
from tff_health.reporting.report import Report, Section, citing, configuration
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.reporting.tables import Cell, Table
from tff_health.settings.config import RunConfig
from tff_health.statistics.estimates import QUANTILES, Distribution, Statistics
from tff_health.statistics.release import Noise, Release

_CHANNELS = {1: ("grey",), 3: ("red", "green", "blue")}
_CHANNEL_COLOURS = {"grey": "#767676", "red": "#D55E00", "green": "#009E73", "blue": "#0072B2"}


def write(folder: ResultsFolder, config: RunConfig, release: Release) -> str:
    """Writes all results into `folder`, summary.json last.

    Args:
        folder: of the experiment.
        config: the settings.
        release: what the server learned.

    Returns:
        what was found, in lines for people.
    """
    tables = _tables(release.statistics)
    if release.noise:
        tables.append(_ledger(release, release.noise))
    for table in tables:
        table.save(folder.path / "tables")
    _report(folder, config, release, tables)
    statistics = dataclasses.asdict(release.statistics)
    summary = {
        "experiment": "statistics",
        "preset": config.run.preset,
        "cohort": list(release.cohort),
        "survivors": list(release.survivors),
        "bytes_up": release.costs.bytes_up,
        "bytes_down": release.costs.bytes_down,
        "seconds": release.seconds,
        "privacy": _terms(release.noise) if release.noise else None,
        "statistics": _without_nan(statistics),
    }
    write_json(folder.summary_path, summary)
    return _text(release, folder)


def _tables(statistics: Statistics) -> list[Table]:
    classes = Table(
        "classes",
        "Training images by class",
        ("class", "number", "share"),
        [
            (name, _number(count), count / statistics.units if statistics.units > 0 else math.nan)
            for name, count in statistics.classes.items()
        ],
    )
    rows = [*_channels(statistics).items(), *statistics.columns.items()]
    columns = ("of", "values", "mean", "deviation", *(f"{100 * q:.0f} %" for q in QUANTILES))
    distributions = Table(
        "distributions",
        "Pixels (from 0 to 1) by channel, and numeric columns: mean, standard deviation, quantiles",
        columns,
        [
            (name, _number(found.number), found.mean, found.deviation, *found.quantiles)
            for name, found in rows
        ],
    )
    return [classes, distributions]


def _ledger(release: Release, noise: Noise) -> Table:
    epsilon = noise.epsilon
    rows: list[Sequence[Cell]] = [(client, 1.0, 1, epsilon) for client in release.cohort]
    columns = ("client", "sampling_rate", "steps", "epsilon")
    return Table(
        "privacy", f"What each client has spent, delta {noise.accountant.delta:g}", columns, rows
    )


def _report(
    folder: ResultsFolder,
    config: RunConfig,
    release: Release,
    tables: Sequence[Table],
) -> None:
    statistics, drawn = release.statistics, folder.path / "figures"
    classes = figures.save(_class_bars(statistics, release.noise), drawn, "classes")
    pixels = figures.save(_histograms(_channels(statistics), "pixel value"), drawn, "pixels")
    values = [
        (figures.save(_histograms({name: found}, name), drawn, f"column_{number}"), name)
        for number, (name, found) in enumerate(statistics.columns.items(), 1)
    ]
    classes_table, distributions, *ledger = tables
    report = Report(
        title=f"Statistics of {config.data_name} over {len(release.survivors)} clients",
        subtitle=f"split {config.data.split}, partition {config.partition.kind}, "
        f"seed {config.run.seed}; training part alone",
        findings=[
            ("images" if _counts_images(release.noise) else "groups", f"{statistics.units:,.0f}"),
            ("classes", str(len(statistics.classes))),
            ("clients in the sum", f"{len(release.survivors)} of {len(release.cohort)}"),
            ("epsilon", f"{release.noise.epsilon:.3g}" if release.noise else "no noise: exact"),
            ("bytes up, all clients", f"{release.costs.bytes_up:,}"),
        ],
        lead=_lead(statistics),
        sections=[
            Section(
                "Classes", figures=[(classes, "Training images by class")], tables=[classes_table]
            ),
            Section(
                "Pixels and numbers",
                figures=[
                    (pixels, "Pixels by channel, from 0 (black) to 1"),
                    *(
                        (path, f"Values of {name}; the ends count what lies beyond them")
                        for path, name in values
                    ),
                ],
                tables=[distributions],
            ),
            Section("What the server learned", _privacy(release), tables=ledger),
            citing(folder),
            configuration(folder),
        ],
    )
    report.save(folder.path / "report.html")


def _lead(statistics: Statistics) -> str:
    if not statistics.units > 0:
        return "The noise is larger than all counts together: use a larger epsilon."
    ordered = sorted(statistics.classes.items(), key=lambda item: -item[1])
    (most, many), (least, few) = ordered[0], ordered[-1]
    return (
        f"{100 * many / statistics.units:.0f} % of {statistics.units:,.0f} are {most}, the most "
        f"frequent class; {least} is the rarest with {max(0.0, few):,.0f}. A model that always "
        f"says {most} is right as often as that: hold every accuracy against it."
    )


def _privacy(release: Release) -> list[str]:
    lines = [
        "The server learned the sums of this page over all clients in them, by one secure sum: "
        f"{release.bears}. No client's own numbers left it. Two releases over clients that differ "
        "by one tell that one's numbers as their difference: release once, or with noise."
    ]
    if release.noise:
        noise, terms = release.noise, _terms(release.noise)
        lines.append(
            f"Differential privacy of each {noise.unit}: epsilon {noise.epsilon:.4g}, delta "
            f"{noise.accountant.delta:g}, adjacency: {terms['adjacency']}; accountant "
            f"{terms['accountant']}; noise multiplier {noise.multiplier:.4g}. Each client added a "
            f"share of discrete Gaussian noise before the sum, so that those of {noise.shares} "
            f"suffice. Each count of a class has noise of standard deviation {noise.deviation:.3g} "
            "or more; counts below that say little."
        )
    return lines


def _terms(noise: Noise) -> dict[str, object]:
    return {
        "epsilon": noise.epsilon,
        "delta": noise.accountant.delta,
        "noise_multiplier": noise.multiplier,
        "deviation_of_counts": noise.deviation,
        "accountant": noise.accountant.label,
        "adjacency": ADJACENCY,
        "unit": noise.unit,
    }


def _text(release: Release, folder: ResultsFolder) -> str:
    statistics = release.statistics
    what = "images" if _counts_images(release.noise) else "groups"
    lines = [f"{statistics.units:,.0f} {what} of {len(release.survivors)} clients:"]
    lines += [f"  {name:18} {_shown(count):>10}" for name, count in statistics.classes.items()]
    for name, found in {**_channels(statistics), **statistics.columns}.items():
        told = f"mean {found.mean:.4g}, deviation {found.deviation:.4g}"
        lines.append(f"  {name:18} {told if found.number > 0 else 'no values'}")
    if release.noise:
        lines.append(
            f"  epsilon {release.noise.epsilon:.3g}; counts have noise of standard deviation "
            f"{release.noise.deviation:.3g}"
        )
    return "\n".join([*lines, f"  report             {folder.path / 'report.html'}"])


def _counts_images(noise: Noise | None) -> bool:
    return noise is None or noise.unit == "record"


def _channels(statistics: Statistics) -> dict[str, Distribution]:
    names = _CHANNELS[len(statistics.channels)]
    return dict(zip(names, statistics.channels, strict=True))


def _number(count: float) -> Cell:
    """A count, which noise leaves no whole number."""
    return int(count) if count == int(count) else count


def _shown(count: float) -> str:
    return f"{count:,.0f}" if count == int(count) else f"{count:,.1f}"


def _without_nan(value: object) -> object:
    """The same for JSON, which knows no NaN."""
    if isinstance(value, Mapping):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _class_bars(statistics: Statistics, noise: Noise | None) -> Figure:
    """Number of each class, with the noise's standard deviation if there is any."""
    names, counts = list(statistics.classes), np.array(list(statistics.classes.values()))
    with mpl.rc_context(figures.STYLE):
        figure = Figure(figsize=(6.4, 0.9 + 0.36 * len(names)), layout="constrained")
        axes = figure.subplots()
        error = None if noise is None else np.full(len(names), noise.deviation)
        bars = axes.barh(names, np.maximum(counts, 0), xerr=error, color=figures.COLOURS[0])
        if noise is None:
            axes.bar_label(bars, [f" {count:,.0f}" for count in counts], fontsize=9)
            axes.set_xlim(0, 1.12 * max(1.0, counts.max()))
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("number" if noise is None else "number; bars of error: noise's deviation")
    return figure


def _histograms(distributions: Mapping[str, Distribution], what: str) -> Figure:
    """One step line for each distribution."""
    with mpl.rc_context(figures.STYLE):
        figure = Figure(figsize=(6.4, 2.8), layout="constrained")
        axes = figure.subplots()
        for name, found in distributions.items():
            total = sum(found.counts)
            shares = 100 * np.array(found.counts) / total if total else np.zeros(len(found.counts))
            colour = _CHANNEL_COLOURS.get(name, figures.COLOURS[0])
            axes.stairs(
                shares,
                found.edges,
                color=colour,
                fill=len(distributions) == 1,
                linewidth=1.5,
                label=name,
            )
        if len(distributions) > 1:
            axes.legend(loc="upper left")
        axes.set_ylim(0, None)
        axes.set_xlabel(what)
        axes.set_ylabel("share (%)")
    return figure
