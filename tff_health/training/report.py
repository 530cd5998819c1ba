"""What experiment `train` leaves behind: summary, tables, figures, TensorBoard, report."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tff_health.checking.facts import Facts
from tff_health.checking.words import section
from tff_health.data.federated import FederatedImages
from tff_health.data.split_names import split_warnings
from tff_health.privacy.ledger import Entry
from tff_health.reporting.files import write_json
from tff_health.reporting.progress import duration
from tff_health.reporting.report import Report, Section, citing, configuration
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.reporting.tables import Table
from tff_health.settings.config import RunConfig
from tff_health.training import report_parts
from tff_health.training.description import RunDescription
from tff_health.training.hostility import attack_of
from tff_health.training.metrics_log import Value
from tff_health.training.outcome import PrivacySpent, RunOutcome, heading
from tff_health.training.quality_report import quality_section
from tff_health.training.scheme_training import TrainedScheme
from tff_health.training.summary import range_of
from tff_health.training.tensorboard import write_events


def write(
    folder: ResultsFolder,
    config: RunConfig,
    described: RunDescription,
    federated: FederatedImages,
    trained: TrainedScheme,
    facts: Facts,
) -> RunOutcome:
    """Writes all results into `folder`, summary.json last, and returns what it says of the run."""
    entries = trained.spending.entries if trained.spending else []
    spent = None
    if entries and described.privacy:
        epsilons = tuple(entry.epsilon for entry in entries)
        spent = PrivacySpent(max(epsilons), epsilons, described.privacy)
    run = RunOutcome.of(config, trained.evaluation, trained.rows, spent)
    tables = report_parts.tables(run, trained.evaluation, federated.images.class_names)
    for table in tables:
        table.save(folder.path / "tables")
    write_events(folder.path / "tensorboard", trained.rows)
    metrics, classes, _ = tables  # the confusion matrix is drawn
    path = folder.path
    report = Report(
        title=f"{run.scheme} on {config.data_name}",
        subtitle=f"{run.num_clients} clients, {run.rounds} rounds, {config.partition.kind} "
        f"partition, {config.data.split} split, seed {run.seed}",
        lead=f"{run.scheme} classifies {100 * run.final_accuracy:.1f} % of "
        f"{len(federated.test):,} test images correctly; to name the most frequent class every "
        f"time would give {100 * run.majority_accuracy:.1f} %. Beside secure sums, each client "
        f"tells the server: {described.in_the_clear}.",
        findings=_findings(run),
        warnings=[
            *_notes_on_attacks(config),
            *split_warnings(config.data.split),
            *_notes_on_sums(run, described),
        ],
        sections=[
            Section(
                "Learning",
                figures=[report_parts.curves(path, trained.rows, run)],
                tables=[metrics],
            ),
            Section(
                "Classes",
                ["Accuracy hides rare classes; recall shows them."],
                figures=[report_parts.confusion(path, federated, trained.evaluation)],
                tables=[classes],
            ),
            *filter(None, [quality_section(path, trained.rows)]),
            *([_virtual_section(path, config, run, trained.rows)] if config.has_clock else []),
            section(facts, [report_parts.clients(path, federated)]),
            Section("What the server sees", _protection(config, described, run, trained.rows)),
            *([_privacy_section(config, run, spent, entries)] if spent else []),
            Section("Costs", tables=[report_parts.costs(run)]),
            citing(folder),
            configuration(folder),
        ],
    )
    report.save(path / "report.html")
    write_json(folder.summary_path, {**heading(config), "runs": [run.as_json()]})
    return run


def _virtual_section(
    path: Path, config: RunConfig, run: RunOutcome, rows: Sequence[Mapping[str, Value]]
) -> Section:
    late = sum(int(row["late"] or 0) for row in rows)
    waited = "all updates were waited for" if not late else f"{late:,} updates came too late"
    lines = [
        f"The {run.rounds} rounds would have taken {duration(run.virtual_seconds or 0.0)} with "
        f"clients as clients.csv has them; {waited}.",
        "Virtual time is made of training steps, of the protocol's computing stage by stage, and "
        "of bytes over the clients' lines; evaluation takes none. What a computer of speed 1 takes "
        "stands in config.json, under clock: given as settings, it repeats the run.",
    ]
    if config.scales_updates:
        lines.append(
            "Clients did as many steps as fit before the deadline, and updates were averaged as "
            "in FedNova (Wang et al. 2020), so that those who did more did not count more."
        )
    figure = report_parts.curves(path, rows, run, over_virtual_time=True)
    return Section("Virtual time", lines, figures=[figure])


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.3f}" for value in values)


def _findings(run: RunOutcome) -> list[tuple[str, str]]:
    return [
        ("test accuracy", f"{100 * run.final_accuracy:.1f} %"),
        ("majority class alone", f"{100 * run.majority_accuracy:.1f} %"),
        ("balanced accuracy", f"{100 * run.balanced_accuracy:.1f} %"),
        ("macro F1", f"{run.macro_f1:.3f}"),
        ("AUC", f"{run.auc:.3f}"),
        ("survivors", range_of(run.survivors)),
        ("time", duration(run.seconds.total)),
    ]


def _protection(
    config: RunConfig,
    described: RunDescription,
    run: RunOutcome,
    rows: Sequence[Mapping[str, Value]],
) -> list[str]:
    survivors = [number for number in run.survivors if number] or [0]  # of rounds not lost
    lines = [
        f"Protection of updates: {described.protection_of_updates}. Beside secure sums, each "
        f"client tells the server: {described.in_the_clear}.",
        f"In the sum of a round stood {min(survivors)} to {max(survivors)} clients of "
        f"{config.cohort_size}; {run.aborted_attempts} attempts at a "
        "round were given up, because too few clients were left, and made anew.",
    ]
    if run.lost_rounds:
        lines.append(
            f"{run.lost_rounds} of {run.rounds} rounds were lost: they were aborted when the "
            "server could already hold a sum, and a second sum over other clients would have told "
            "single clients' updates. The model of the round before stood."
        )
    if sums := described.sums:
        if sums.bears:
            lines.append(f"Colluders that the secure sums bear: {sums.bears}.")
        lines.append(
            f"Protocol: {sums.protocol_plan}. Sums of updates have {sums.modulus_bits} bits, and a "
            f"precision of {sums.precision_of_updates:.1e} a client."
        )
    if run.verified:
        lines.append(
            "Clients committed to their updates before they uploaded them, and "
            f"{min(run.verified)} to {max(run.verified)} of them found the sum of a round to be "
            "that of what its survivors had committed to. A wrong sum would not tell whether the "
            "server or a client is to blame."
        )
    if config.has_groups:
        left_out = sum(int(row["groups_left_out"] or 0) for row in rows)
        lines.append(
            f"Clients were dealt into groups of {config.robust.group_size} or more, anew in each "
            f"round, and the server learnt the mean of each: {left_out} of "
            f"{sum(int(row['groups'] or 0) for row in rows)} groups were left out, for reasons "
            f"that metrics.csv tells; over the others decided {config.robust.rule}."
        )
    if learned := config.learned_scaling:
        lines.append(
            "Before the first round one secure sum over all clients told the server the mean "
            f"({_numbers(learned.means)}) and the standard deviation "
            f"({_numbers(learned.deviations)}) of the channels of their training images, by which "
            "channels are standardised."
        )
    shares = [float(row["lone_coordinates"]) for row in rows if row["lone_coordinates"] is not None]
    if shares:
        lines.append(
            f"Of the coordinates that clients changed in a round, one client alone changed "
            f"{100 * min(shares):.0f} to {100 * max(shares):.0f} %: there the server learns that "
            "client's value, and with it all of its compressed update."
        )
    return lines


def _privacy_section(
    config: RunConfig, run: RunOutcome, spent: PrivacySpent, entries: Sequence[Entry]
) -> Section:
    terms = spent.terms
    lines = [
        f"Differential privacy of each {terms.unit}, adjacency: {terms.adjacency}; "
        f"delta {terms.delta:g}; accountant {terms.accountant}; sampling: "
        f"{terms.sampling}; noise multiplier {terms.noise_multiplier:.4g}. It assumes "
        f"{terms.assumes}.",
        f"It covers {terms.covers}. The choice of settings by looking at results, and the "
        "numbers of records of the clients, are not covered.",
    ]
    if run.rounds < (asked := config.training.rounds):
        lines.append(f"Training ended after {run.rounds} of {asked} rounds: the budget was spent.")
    if terms.noise_from == "seed":
        lines.append("Lots and noise came from a seed, to repeat the run: who knows it sees all.")
    table = Table(
        "privacy",
        "What each client has spent",
        ("client", "sampling rate", "steps", "epsilon"),
        [(e.client, round(e.sampling_rate, 6), e.steps, round(e.epsilon, 4)) for e in entries],
    )
    return Section("Differential privacy", lines, tables=[table])


def _notes_on_attacks(config: RunConfig) -> list[str]:
    """What a reader must know first of all if some clients were hostile."""
    attack = attack_of(config)
    if attack is None:
        return []
    notes = []
    if attack.clients:
        names = ", ".join(map(str, attack.clients))
        notes.append(f"Simulated attack {attack.kind}: clients {names} were hostile.")
    if attack.enforced_norm:
        notes.append(
            f"Updates above a norm of {attack.enforced_norm:g} were refused as if each came with a "
            "proof; the proof was not run."
        )
    return notes


def _notes_on_sums(run: RunOutcome, described: RunDescription) -> list[str]:
    """What a reader must know of the sums if it happened."""
    notes = []
    if clipped := run.clipped_coordinates:
        notes.append(
            f"{clipped:,} coordinates of updates were clipped, over all clients and rounds: a "
            "larger --clip_range keeps them."
        )
    if broken := run.non_finite_updates:
        notes.append(
            f"{broken:,} updates, in {run.rounds_with_non_finite_updates:,} of "
            f"{run.rounds:,} rounds, were not finite (NaN or infinity): they are in no mean."
        )
    if described.sums is None:
        notes.append(f"Protection of updates: {described.protection_of_updates}.")
    return notes
