"""Experiment `batch_size`: one scheme with batches of several sizes (Fig. 4 of the paper)."""

from tff_health.experiments.config import Invocation, RunConfig
from tff_health.experiments.estimate import Estimates, dry_run_text
from tff_health.experiments.study import Part, Study, part_config, validate
from tff_health.experiments.study_folder import describe_study
from tff_health.reporting import batch_size_report
from tff_health.reporting.comparison import ComparedRun
from tff_health.reporting.results_folder import ResultsFolder


def run(invocation: Invocation) -> None:
    """Runs what is missing, and leaves a table, a figure and a report; prints a summary.

    Raises:
        TffHealthError: as experiment `train`.
    """
    config = invocation.config
    parts = plan(config)
    validate(parts)
    if invocation.dry_run:
        print(dry_run_text(Study(invocation, parts, invocation.out_dir), parts))
        return
    with ResultsFolder(invocation.out_dir, config.as_dict()) as folder:
        if folder.is_finished:
            print(f"already finished: {folder.path / 'report.html'}")
            return
        study = Study(invocation, parts, folder.path)
        description = describe_study(study, parts)
        folder.describe(description)
        results = study.run(Estimates(study, parts).seconds())
        runs = []
        for part in parts:
            found = results[part.name]
            seen = {**found.run, "name": part.group, "batch_size": part.config.batch_size}
            runs.append(ComparedRun(part.group, part.config.seed, found.rows, seen, config.rounds))
        text = batch_size_report.write(folder, description, runs)
        folder.remove_scratch()
    print(text)


def plan(config: RunConfig) -> list[Part]:
    """Returns the runs: every size with every seed."""
    return [
        Part(
            f"batch{size}-seed{seed}",
            f"bs = {size}",
            part_config(config, config.scheme, seed, batch_size=size),
        )
        for seed in config.seeds
        for size in config.batch_sizes
    ]
