"""Tables and figures of the report on one run."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tff_health.data.federated import FederatedImages
from tff_health.local.evaluation import Evaluation
from tff_health.reporting import figures
from tff_health.reporting.tables import Table
from tff_health.training.metrics_log import Value
from tff_health.training.outcome import RunOutcome


def tables(run: RunOutcome, evaluation: Evaluation, class_names: tuple[str, ...]) -> list[Table]:
    """Returns what the final model came to: in all, by class, and class against class."""
    occurs = evaluation.confusion.sum(axis=1)
    classes = Table(
        "classes",
        "Test part by class",
        ("class", "examples", "recall"),
        list(zip(class_names, occurs.tolist(), evaluation.recall.tolist(), strict=True)),
    )
    confusion_matrix = Table(
        "confusion_matrix",
        "Confusion matrix: rows are true classes, columns predicted ones",
        ("true class", *class_names),
        [
            (name, *row)
            for name, row in zip(class_names, evaluation.confusion.tolist(), strict=True)
        ],
    )
    metrics = Table(
        "metrics",
        "Final model on the test part",
        ("metric", "value"),
        [
            ("final_accuracy", run.final_accuracy),
            ("balanced_accuracy", run.balanced_accuracy),
            ("macro_f1", run.macro_f1),
            ("auc", run.auc),
            ("majority_accuracy", run.majority_accuracy),
            ("loss", evaluation.loss),
        ],
    )
    return [metrics, classes, confusion_matrix]


def costs(run: RunOutcome) -> Table:
    """Returns what the rounds cost."""
    rounds = run.rounds
    megabytes = {"up": run.bytes_up / 1e6, "down": run.bytes_down / 1e6}
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
                for name, seconds in asdict(run.seconds).items()
            ),
        ],
    )


def curves(
    folder: Path,
    rows: Sequence[Mapping[str, Value]],
    run: RunOutcome,
    *,
    over_virtual_time: bool = False,
) -> tuple[Path, str]:
    """Draws accuracy and loss over the rounds or virtual time; returns figure and caption."""
    name, over = "curves", {}
    if over_virtual_time:
        name, over = "curves_over_virtual_time", {"over": "virtual time (s)"}
    evaluated = [row for row in rows if row["test_accuracy"] is not None]

    def column(name: str) -> list[Any]:
        return [np.nan if row[name] is None else row[name] for row in evaluated]

    figure = figures.curves(
        column("virtual_seconds" if over_virtual_time else "round"),
        {
            "test": column("test_accuracy"),
            "test, balanced": column("balanced_accuracy"),
            "validation (clients)": column("validation_accuracy"),
        },
        {"test": column("test_loss"), "training (clients)": column("train_loss")},
        run.majority_accuracy,
        **over,
    )
    path = figures.save(figure, folder / "figures", name)
    what = "virtual time goes" if over_virtual_time else "the communication rounds go"
    return path, f"Accuracy and loss as {what} on."


def confusion(folder: Path, federated: FederatedImages, evaluation: Evaluation) -> tuple[Path, str]:
    """Draws the confusion matrix; returns the figure and its caption."""
    figure = figures.confusion_matrix(evaluation.confusion, federated.images.class_names)
    path = figures.save(figure, folder / "figures", "confusion_matrix")
    return path, "Final model on the test part: share of each true class, and number of images."


def clients(folder: Path, federated: FederatedImages) -> tuple[Path, str]:
    """Draws how many examples of each class each client has; returns the figure and its caption."""
    figure = figures.class_counts(federated.training_counts(), federated.images.class_names)
    path = figures.save(figure, folder / "figures", "clients")
    return path, "Training examples by client and class; the darker, the larger its share there."
