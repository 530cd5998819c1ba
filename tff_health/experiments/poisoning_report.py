"""What experiment `poisoning` leaves behind: tables, figures, summary, report."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tff_health.data.split_names import split_warnings
from tff_health.reporting import figures
from tff_health.reporting.figures import COLOURS, LINE_STYLES, STYLE
from tff_health.reporting.line_labels import LineEnd, label_ends
from tff_health.reporting.report import Report, Section, citing, configuration
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.reporting.tables import Cell, Table
from tff_health.settings.config import RunConfig
from tff_health.studies.comparison import ComparedRun, Comparison, spread
from tff_health.studies.summary import summary_text, write_summary

DEFENCES = {
    "mean": "mean of one secure sum",
    "clipping": "clipping by clients themselves",
    "groups": "groups",
    "bound": "enforced bound",
    "kept_bound": "enforced bound, kept by attackers",
    "quality": "data quality",
}
"""Defences, for people."""
ATTACKS = {
    "label_flip": "wrong labels",
    "scale": "scaled updates",
    "noise": "noise",
    "backdoor": "backdoor",
    "lie": "wrong labels, and a lie about quality",
}
"""Attacks, for people."""
REFERENCE = "mean-none-0"
"""The runs that others are held against: nothing but the mean, and nobody is hostile."""
_BORNE = 3.0
"""Points of accuracy that an attack may cost, to be called borne."""


@dataclass(frozen=True)
class Cases:
    """The runs of a study by what was attacked and how it was defended.

    Attributes:
        compared: all runs; those of one case differ in their seeds alone.
    """

    compared: Comparison

    def name(self, defence: str, attack: str, share: float) -> str | None:
        """The group of a case; None if it was not run.

        Without an attack, attackers who keep to a bound are those who do not.
        """
        if attack == "none" and defence == "kept_bound":
            defence = "bound"
        found = f"{defence}-{attack}-{share:g}"
        return found if found in self.compared.groups else None

    def percent(self, group: str, metric: str) -> NDArray[np.float64]:
        """A metric of the final models, in percent, one a seed."""
        return 100 * self.compared.final(group, metric)

    def success(self, group: str) -> NDArray[np.float64] | None:
        """How far the attack succeeded, in percent, one a seed; None if it wants nothing."""
        last = [run.rows[-1].get("attack_success") for run in self.compared.groups[group]]
        if any(value is None for value in last):
            return None
        return np.array([100 * float(value or 0) for value in last])

    def loss(self, group: str) -> NDArray[np.float64] | None:
        """Points of accuracy below the reference, seed by seed; None without a reference."""
        if REFERENCE not in self.compared.groups:
            return None
        return self.percent(REFERENCE, "final_accuracy") - self.percent(group, "final_accuracy")


def write(
    folder: ResultsFolder, config: RunConfig, tested: int, runs: Sequence[ComparedRun]
) -> str:
    """Writes all results into `folder`, summary.json last.

    Args:
        folder: of the experiment.
        config: the settings.
        tested: images in the test part.
        runs: of all cases and seeds, with `defence`, `attack` and `share` in their notes.

    Returns:
        what was found, in lines for people.
    """
    cases = Cases(Comparison(runs))
    tables = [
        _table(cases, config, "accuracy", "final_accuracy"),
        _table(cases, config, "balanced_accuracy", "balanced_accuracy"),
        *_success_table(cases, config),
    ]
    for table in tables:
        table.save(folder.path / "tables")
    _report(folder, config, tested, cases, tables)
    write_summary(folder, config, cases.compared)
    return "\n".join([summary_text(folder, config, cases.compared), *findings(cases, config)])


def findings(cases: Cases, config: RunConfig) -> list[str]:
    """Says of every defence which attacks it bears, with the most hostile clients that were tried.

    An attack is borne if it costs at most three points of accuracy, as a mean over the seeds,
    against the mean without an attack. Success of a backdoor is told beside it: it costs none.
    """
    share, lines = max(config.study.hostile_shares), []
    for defence in config.study.defences:
        told = []
        for attack in config.study.attacks:
            group = cases.name(defence, attack, share)
            loss = None if group is None else cases.loss(group)
            if group is None or loss is None:
                continue
            word = "bears" if loss.mean() <= _BORNE else "does not bear"
            success = cases.success(group)
            beside = "" if success is None else f", success {spread(success)} %"
            told.append(f"{word} {ATTACKS[attack]} ({-loss.mean():+.1f} points{beside})")
        if told:
            lines.append(f"{DEFENCES[defence]}, {share:.0%} hostile: {'; '.join(told)}")
    return lines


def _conditions(config: RunConfig) -> list[tuple[str, float]]:
    shares = config.study.hostile_shares
    return [("none", 0.0), *((a, share) for a in config.study.attacks for share in shares)]


def _condition(attack: str, share: float) -> str:
    return "nobody hostile" if attack == "none" else f"{ATTACKS[attack]}, {share:.0%} hostile"


def _table(cases: Cases, config: RunConfig, name: str, metric: str) -> Table:
    defences = config.study.defences
    rows: list[Sequence[Cell]] = []
    for attack, share in _conditions(config):
        groups = [cases.name(defence, attack, share) for defence in defences]
        cells = [spread(cases.percent(group, metric)) if group else "" for group in groups]
        rows.append((_condition(attack, share), *cells))
    title = f"Final models on the test part, {name.replace('_', ' ')} in percent"
    return Table(name, f"{title}: mean and standard deviation over seeds", _head(config), rows)


def _success_table(cases: Cases, config: RunConfig) -> list[Table]:
    rows: list[Sequence[Cell]] = []
    for attack, share in _conditions(config):
        cells = []
        for defence in config.study.defences:
            group = cases.name(defence, attack, share)
            success = cases.success(group) if group else None
            cells.append("" if success is None else spread(success))
        if any(cells):
            rows.append((_condition(attack, share), *cells))
    if not rows:
        return []
    title = (
        "Success of attacks in percent: test images that are taken for what hostile clients call "
        "them, or marked ones for the class that a backdoor wants"
    )
    return [Table("attack_success", title, _head(config), rows)]


def _head(config: RunConfig) -> tuple[str, ...]:
    return ("", *(DEFENCES[defence] for defence in config.study.defences))


def _report(
    folder: ResultsFolder, config: RunConfig, tested: int, cases: Cases, tables: Sequence[Table]
) -> None:
    drawn = [(_draw(cases, config, "accuracy"), "accuracy", "Accuracy over the hostile share.")]
    if len(tables) > 2:
        success = "Success of attacks over the hostile share."
        drawn.append((_draw(cases, config, "attack success"), "attack_success", success))
    paths = [
        (figures.save(figure, folder.path / "figures", name), caption)
        for figure, name, caption in drawn
    ]
    robust, found = config.robust, findings(cases, config)
    reference = cases.compared.groups.get(REFERENCE)
    told = []
    if reference:
        told = [("nobody hostile", f"{spread(cases.percent(REFERENCE, 'final_accuracy'))} %")]
    report = Report(
        title=f"Hostile clients: {config.data_name}",
        subtitle=f"{config.data.split} split, {config.cohort.num_clients} clients, "
        f"{config.training.rounds} rounds, batches of {config.training.batch_size}, learning rate "
        f"{config.optimizer.learning_rate}, seeds {', '.join(map(str, config.study.seeds))}",
        findings=told,
        lead=". ".join(found[:1]),
        warnings=[
            "Hostile clients are simulated; which ones are hostile is drawn from the seed.",
            *split_warnings(config.data.split),
        ],
        sections=[
            Section("What was found", found),
            Section(
                "Attacks and defences",
                [
                    f"Scaled updates are those of wrong labels times {config.study.strength:g}; "
                    f"noise is {config.study.strength:g} times as long as the update that it "
                    "stands for. A backdoor marks every other image with a white square and calls "
                    "it the first class.",
                    f"The bound is an L2 norm of {robust.update_norm:g}, to which honest clients "
                    "scale their updates. Clipping by clients themselves asks hostile ones to do "
                    "so too, and they do not. Where the bound is enforced, an update above it is "
                    "refused and its client drops out of the round: that is simulated, the proof "
                    "itself is not run. Attackers who keep to it are never refused.",
                    f"Groups have {robust.group_size} clients or more, dealt anew in every round; "
                    f"those whose mean exceeds the bound are left out, and over the others decides "
                    f"their {robust.rule.replace('_', ' ')}. A round without such a group is lost. "
                    "The dealing comes from the operating system, and not from the seed.",
                    f"The test part has {tested:,} images.",
                ],
                figures=paths,
                tables=tables,
            ),
            citing(folder),
            configuration(folder),
        ],
    )
    report.save(folder.path / "report.html")


def _draw(cases: Cases, config: RunConfig, what: str) -> Figure:
    """Lines of all defences over the share of hostile clients, a panel for each attack."""
    attacks = config.study.attacks
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.6 * len(attacks) + 1.6, 3.8), layout="constrained")
        panels = figure.subplots(1, len(attacks), sharey=True, squeeze=False)[0]
        for axes, attack in zip(panels, attacks, strict=True):
            ends = []
            for index, defence in enumerate(config.study.defences):
                points = _points(cases, config, defence, attack, what)
                if not points:
                    continue
                colour, style = COLOURS[index], LINE_STYLES[index]
                shares, values = zip(*points, strict=True)
                means = [value.mean() for value in values]
                deviations = [v.std(ddof=1) if len(v) > 1 else 0.0 for v in values]
                x = 100 * np.array(shares)
                drawn = {"color": colour, "linestyle": style, "marker": "o", "markersize": 4}
                axes.errorbar(x, means, yerr=deviations, capsize=2, **drawn)
                ends.append(LineEnd(DEFENCES[defence], float(x[-1]), means[-1], colour))
            axes.set_title(ATTACKS[attack], fontsize=10)
            axes.set_xlabel("hostile clients (%)")
            label_ends(axes, ends)
        panels[0].set_ylabel(f"{what} (%)")
    return figure


def _points(
    cases: Cases, config: RunConfig, defence: str, attack: str, what: str
) -> list[tuple[float, NDArray[np.float64]]]:
    found = []
    for kind, share in [("none", 0.0), *((attack, s) for s in sorted(config.study.hostile_shares))]:
        group = cases.name(defence, kind, share)
        if group is None:
            continue
        values = (
            cases.percent(group, "final_accuracy") if what == "accuracy" else cases.success(group)
        )
        if values is not None:
            found.append((share, values))
    return [] if all(share == 0 for share, _ in found) else found
