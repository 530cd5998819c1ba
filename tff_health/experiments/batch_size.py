"""Experiment `batch_size`: one scheme with batches of several sizes (Fig. 4 of the paper)."""

from tff_health.experiments import batch_size_report
from tff_health.settings.config import Invocation, RunConfig
from tff_health.studies.run import FinishedStudy, run_study
from tff_health.studies.study import Part, part_config


def run(invocation: Invocation) -> None:
    """Runs what is missing, and leaves a table, a figure and a report; prints a summary.

    Raises:
        TffHealthError: as experiment `train`.
    """
    run_study(invocation, plan(invocation.config), _write)


def _write(done: FinishedStudy) -> str:
    runs = done.compared(lambda part: {"batch_size": part.config.training.batch_size})
    return batch_size_report.write(done.folder, done.study.config, runs)


def plan(config: RunConfig) -> list[Part]:
    """Returns the runs: every size with every seed."""
    return [
        Part(
            f"batch{size}-seed{seed}",
            f"bs = {size}",
            part_config(config, config.run.scheme, seed, batch_size=size),
        )
        for seed in config.study.seeds
        for size in config.study.batch_sizes
    ]
