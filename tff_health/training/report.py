"""What experiment `train` leaves behind: summary, tables, figures, TensorBoard, report."""

import json
import shutil
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from tff_health.data.federated import FederatedImages
from tff_health.learning.evaluation import Evaluation
from tff_health.privacy.ledger import Entry
from tff_health.reporting import figures
from tff_health.reporting.files import write_json
from tff_health.reporting.progress import duration
from tff_health.reporting.report import Report, Section
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.reporting.tables import Table
from tff_health.training.metrics_log import Value
from tff_health.training.quality_report import quality_section

SPLIT_NOTES = {
    "paper": "The split is the paper's: copies of one image, and images of one lesion, stand in "
    "both parts. It leaks, and these accuracies are higher than on unseen patients. "
    "--split=clean keeps lesions apart.",
    "clean": "",
    "given": "",
}


class Trained(Protocol):
    """What the rounds of one scheme came to."""

    @property
    def evaluation(self) -> Evaluation: ...  # noqa: D102
    @property
    def rows(self) -> list[dict[str, Value]]: ...  # noqa: D102
    @property
    def spending(self) -> "Spent | None": ...  # noqa: D102


class Spent(Protocol):
    """What the clients' privacy has cost."""

    @property
    def entries(self) -> list[Entry]: ...  # noqa: D102


def write(
    folder: ResultsFolder, description: dict[str, Any], federated: FederatedImages, trained: Trained
) -> dict[str, Any]:
    """Writes all results into `folder`, summary.json last, and returns what that says."""
    config = description["config"]
    summary = {
        **{key: config[key] for key in ("experiment", "dataset", "split", "preset")},
        "runs": [
            {
                **summarise(config, trained.evaluation, trained.rows),
                **_privacy(description["derived"], trained.spending),
            }
        ],
    }
    class_names = federated.images.class_names
    tables = _tables(summary["runs"][0], trained.evaluation, class_names)
    for table in tables:
        table.save(folder.path / "tables")
    _write_events(folder.path / "tensorboard", trained.rows)
    _report(folder.path, description, federated, trained, summary["runs"][0], tables)
    write_json(folder.summary_path, summary)
    return summary


def summarise(
    config: dict[str, Any], evaluation: Evaluation, rows: list[dict[str, Value]]
) -> dict[str, Any]:
    """One run of summary.json."""

    def total(column: str) -> Any:
        return sum(row[column] or 0 for row in rows)  # type: ignore[misc]

    return {
        "scheme": config["scheme"],
        "rounds": len(rows),
        "num_clients": config["num_clients"],
        "seed": config["seed"],
        "final_accuracy": evaluation.accuracy,
        "balanced_accuracy": evaluation.balanced_accuracy,
        "macro_f1": evaluation.macro_f1,
        "auc": evaluation.auc,
        "majority_accuracy": evaluation.majority_accuracy,
        "recall": evaluation.recall.tolist(),
        "bytes_up": total("bytes_up"),
        "bytes_down": total("bytes_down"),
        "seconds": {
            "total": round(total("seconds_total"), 3),
            "training": round(total("seconds_training"), 3),
            "client_crypto": round(total("seconds_client_crypto"), 3),
            "server_crypto": round(total("seconds_server_crypto"), 3),
        },
        "survivors": [row["survivors"] for row in rows],
        "aborted_attempts": total("aborted_attempts"),
        "lost_rounds": total("lost"),
        "clipped_coordinates": total("clipped_coordinates"),
        "non_finite_updates": total("non_finite_updates"),
        "rounds_with_non_finite_updates": sum(bool(row["non_finite_updates"]) for row in rows),
    }


def _privacy(derived: dict[str, Any], spent: Spent | None) -> dict[str, Any]:
    """What summary.json says of differential privacy, if there was any."""
    if spent is None:
        return {}
    epsilons = [entry.epsilon for entry in spent.entries]
    return {"epsilon": max(epsilons), "epsilon_of_clients": epsilons, **derived["privacy"]}


def summary_text(
    summary: dict[str, Any], description: dict[str, Any], folder: Path, seconds: float
) -> str:
    """The lines that end a run on the terminal."""
    run = summary["runs"][0]
    return (
        f"{run['scheme']} on {summary['dataset']} ({summary['split']} split), {run['rounds']} "
        f"rounds in {duration(seconds)}\n"
        f"  test accuracy      {run['final_accuracy']:.4f}   (majority class "
        f"{run['majority_accuracy']:.4f})\n"
        f"  balanced accuracy  {run['balanced_accuracy']:.4f}\n"
        f"  macro F1           {run['macro_f1']:.4f}\n"
        f"{_privacy_line(run)}"
        f"  survivors          {_range_of(run['survivors'])} of "
        f"{description['config']['clients_per_round']} clients\n"
        f"{_lost_line(run)}"
        f"{_left_out_line(run)}"
        f"  update protection  {description['derived']['protection_of_updates']}\n"
        f"  told in the clear  {description['derived']['in_the_clear']}\n"
        f"  report             {folder / 'report.html'}"
    )


def _privacy_line(run: dict[str, Any]) -> str:
    if "epsilon" not in run:
        return ""
    return (
        f"  epsilon            {run['epsilon']:.3g} at delta {run['delta']:g} for each "
        f"{run['unit']} ({run['accountant']})\n"
    )


def _lost_line(run: dict[str, Any]) -> str:
    if not run["lost_rounds"]:
        return ""
    return (
        f"  lost rounds        {run['lost_rounds']} of {run['rounds']}: aborted when a sum may "
        "have been opened; see metrics.csv\n"
    )


def _left_out_line(run: dict[str, Any]) -> str:
    if not run["non_finite_updates"]:
        return ""
    return (
        f"  left out           {run['non_finite_updates']:,} updates that were not finite, in "
        f"{run['rounds_with_non_finite_updates']:,} of {run['rounds']:,} rounds\n"
    )


def _tables(
    run: dict[str, Any], evaluation: Evaluation, class_names: tuple[str, ...]
) -> list[Table]:
    occurs = evaluation.confusion.sum(axis=1)
    classes = Table(
        "classes",
        "Test part by class",
        ("class", "examples", "recall"),
        list(zip(class_names, occurs.tolist(), evaluation.recall.tolist(), strict=True)),
    )
    confusion = Table(
        "confusion_matrix",
        "Confusion matrix: rows are true classes, columns predicted ones",
        ("true class", *class_names),
        [
            (name, *row)
            for name, row in zip(class_names, evaluation.confusion.tolist(), strict=True)
        ],
    )
    names = ("final_accuracy", "balanced_accuracy", "macro_f1", "auc", "majority_accuracy")
    metrics = Table(
        "metrics",
        "Final model on the test part",
        ("metric", "value"),
        [*((name, run[name]) for name in names), ("loss", evaluation.loss)],
    )
    return [metrics, classes, confusion]


def _write_events(folder: Path, rows: list[dict[str, Value]]) -> None:
    """Writes TensorBoard events anew, from the rows that count."""
    shutil.rmtree(folder, ignore_errors=True)
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for row in rows:
            for column, value in row.items():
                if isinstance(value, int | float) and column != "round":
                    tf.summary.scalar(f"{row['scheme']}/{column}", value, step=row["round"])
    writer.close()


def _report(
    folder: Path,
    description: dict[str, Any],
    federated: FederatedImages,
    trained: Trained,
    run: dict[str, Any],
    tables: list[Table],
) -> None:
    config, data, derived = (description[part] for part in ("config", "data", "derived"))
    metrics, classes, _ = tables  # the confusion matrix is drawn
    report = Report(
        title=f"{config['scheme']} on {config['dataset']}",
        subtitle=f"{config['num_clients']} clients, {run['rounds']} rounds, {config['partition']} "
        f"partition, {config['split']} split, seed {config['seed']}",
        findings=_findings(run),
        warnings=[
            note for note in (SPLIT_NOTES[config["split"]], *_notes_on_sums(run, derived)) if note
        ],
        sections=[
            Section("Learning", figures=[_draw_curves(folder, trained, run)], tables=[metrics]),
            Section(
                "Classes",
                ["Accuracy hides rare classes; recall shows them."],
                figures=[_draw_confusion(folder, federated, trained)],
                tables=[classes],
            ),
            *filter(None, [quality_section(folder, trained.rows)]),
            Section("Clients", [data["form"]], figures=[_draw_clients(folder, federated)]),
            Section("What the server sees", _protection(description, run, trained.rows)),
            *_privacy_section(description, trained),
            Section("Costs", tables=[_costs(run)]),
            Section("Configuration", listing=json.dumps(description, indent=2), folded=True),
        ],
    )
    report.save(folder / "report.html")


def _protection(
    description: dict[str, Any], run: dict[str, Any], rows: list[dict[str, Value]]
) -> list[str]:
    derived = description["derived"]
    survivors = [number for number in run["survivors"] if number] or [0]  # of rounds not lost
    lines = [
        f"Protection of updates: {derived['protection_of_updates']}. Beside secure sums, each "
        f"client tells the server: {derived['in_the_clear']}.",
        f"In the sum of a round stood {min(survivors)} to {max(survivors)} clients of "
        f"{description['config']['clients_per_round']}; {run['aborted_attempts']} attempts at a "
        "round were given up, because too few clients were left, and made anew.",
    ]
    if run["lost_rounds"]:
        lines.append(
            f"{run['lost_rounds']} of {run['rounds']} rounds were lost: they were aborted when the "
            "server could already hold a sum, and a second sum over other clients would have told "
            "single clients' updates. The model of the round before stood."
        )
    if "protocol_plan" in derived:
        if derived["bears"]:
            lines.append(f"Colluders that the secure sums bear: {derived['bears']}.")
        lines.append(
            f"Protocol: {derived['protocol_plan']}. Sums of updates have "
            f"{derived['modulus_bits']} bits, and a precision of "
            f"{derived['precision_of_updates']:.1e} a client."
        )
    shares = [float(row["lone_coordinates"]) for row in rows if row["lone_coordinates"] is not None]
    if shares:
        lines.append(
            f"Of the coordinates that clients changed in a round, one client alone changed "
            f"{100 * min(shares):.0f} to {100 * max(shares):.0f} %: there the server learns that "
            "client's value, and with it all of its compressed update."
        )
    return lines


def _privacy_section(description: dict[str, Any], trained: Trained) -> list[Section]:
    if trained.spending is None:
        return []
    entries, privacy = trained.spending.entries, description["derived"]["privacy"]
    rounds = len(trained.rows)
    lines = [
        f"Differential privacy of each {privacy['unit']}, adjacency: {privacy['adjacency']}; "
        f"delta {privacy['delta']:g}; accountant {privacy['accountant']}; sampling: "
        f"{privacy['sampling']}; noise multiplier {privacy['noise_multiplier']:.4g}. It assumes "
        f"{privacy['assumes']}.",
        f"It covers {privacy['covers']}. The choice of settings by looking at results, and the "
        "numbers of records of the clients, are not covered.",
    ]
    if rounds < (asked := description["config"]["rounds"]):
        lines.append(f"Training ended after {rounds} of {asked} rounds: the budget was spent.")
    if privacy["noise_from"] == "seed":
        lines.append("Lots and noise came from a seed, to repeat the run: who knows it sees all.")
    table = Table(
        "privacy",
        "What each client has spent",
        ("client", "sampling rate", "steps", "epsilon"),
        [(e.client, round(e.sampling_rate, 6), e.steps, round(e.epsilon, 4)) for e in entries],
    )
    return [Section("Differential privacy", lines, tables=[table])]


def _notes_on_sums(run: dict[str, Any], derived: dict[str, Any]) -> list[str]:
    """What a reader must know of the sums if it happened."""
    notes = []
    if clipped := run["clipped_coordinates"]:
        notes.append(
            f"{clipped:,} coordinates of updates were clipped, over all clients and rounds: a "
            "larger --clip_range keeps them."
        )
    if broken := run["non_finite_updates"]:
        notes.append(
            f"{broken:,} updates, in {run['rounds_with_non_finite_updates']:,} of "
            f"{run['rounds']:,} rounds, were not finite (NaN or infinity): they are in no mean."
        )
    if "protocol_plan" not in derived:
        notes.append(f"Protection of updates: {derived['protection_of_updates']}.")
    return notes


def _findings(run: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("test accuracy", f"{100 * run['final_accuracy']:.1f} %"),
        ("majority class alone", f"{100 * run['majority_accuracy']:.1f} %"),
        ("balanced accuracy", f"{100 * run['balanced_accuracy']:.1f} %"),
        ("macro F1", f"{run['macro_f1']:.3f}"),
        ("AUC", f"{run['auc']:.3f}"),
        ("survivors", _range_of(run["survivors"])),
        ("time", duration(run["seconds"]["total"])),
    ]


def _range_of(numbers: list[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"


def _costs(run: dict[str, Any]) -> Table:
    rounds = run["rounds"]
    megabytes = {way: run[f"bytes_{way}"] / 1e6 for way in ("up", "down")}
    return Table(
        "costs",
        "Lengths of the encoded messages of all clients; seconds on this machine",
        ("", "a round", "in all"),
        [
            *(
                (f"clients {way} (MB)", round(total / rounds, 3), round(total, 3))
                for way, total in megabytes.items()
            ),
            *(
                (f"{name} (s)", round(seconds / rounds, 3), round(seconds, 3))
                for name, seconds in run["seconds"].items()
            ),
        ],
    )


def _draw_curves(folder: Path, trained: Trained, run: dict[str, Any]) -> tuple[Path, str]:
    rows = [row for row in trained.rows if row["test_accuracy"] is not None]

    def column(name: str) -> list[Any]:
        return [np.nan if row[name] is None else row[name] for row in rows]

    figure = figures.curves(
        column("round"),
        {
            "test": column("test_accuracy"),
            "test, balanced": column("balanced_accuracy"),
            "validation (clients)": column("validation_accuracy"),
        },
        {"test": column("test_loss"), "training (clients)": column("train_loss")},
        run["majority_accuracy"],
    )
    path = figures.save(figure, folder / "figures", "curves")
    return path, "Accuracy and loss as the communication rounds go on."


def _draw_confusion(folder: Path, federated: FederatedImages, trained: Trained) -> tuple[Path, str]:
    figure = figures.confusion_matrix(trained.evaluation.confusion, federated.images.class_names)
    path = figures.save(figure, folder / "figures", "confusion_matrix")
    return path, "Final model on the test part: share of each true class, and number of images."


def _draw_clients(folder: Path, federated: FederatedImages) -> tuple[Path, str]:
    classes = federated.images.num_classes
    counts = np.array(
        [np.bincount(c.training.labels, minlength=classes) for c in federated.clients]
    )
    figure = figures.class_counts(counts, federated.images.class_names)
    path = figures.save(figure, folder / "figures", "clients")
    return path, "Training examples by client and class; the darker, the larger its share there."
