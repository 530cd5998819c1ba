"""TensorBoard's events of a run."""

import shutil
from pathlib import Path

import tensorflow as tf

from tff_health.training.metrics_log import Value


def write_events(folder: Path, rows: list[dict[str, Value]]) -> None:
    """Writes TensorBoard events anew, from the rows that count."""
    shutil.rmtree(folder, ignore_errors=True)
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for row in rows:
            for column, value in row.items():
                if isinstance(value, int | float) and column != "round":
                    tf.summary.scalar(f"{row['scheme']}/{column}", value, step=row["round"])
    writer.close()
