"""Experiment `he`: what one sum costs under each scheme of homomorphic encryption.

Each contender runs real sessions of its protocol. What is measured is kept at once, so that a run
that was killed goes on with the next contender.
"""

import contextlib
import dataclasses
import time
from pathlib import Path

from tff_health.errors import RunError
from tff_health.experiments import he_report
from tff_health.measurements.contenders import CONTENDERS, Contender
from tff_health.measurements.sum_costs import SumCost, SumTask, measure
from tff_health.reporting.files import read_json, write_json
from tff_health.reporting.progress import Progress
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.settings.config import Invocation, RunConfig
from tff_health.settings.images import load_images
from tff_health.training import run_model
from tff_health.training.config_json import config_json


def run(invocation: Invocation) -> None:
    """Measures, and leaves tables, figures and a report in the results folder; prints a summary.

    Raises:
        TffHealthError: if settings, model or folder do not allow it, or a sum came out wrong.
    """
    config, started = invocation.config, time.monotonic()
    with ResultsFolder(invocation.out_dir, config.as_dict()) as folder:
        if folder.is_finished:
            folder.remove_scratch()
            print(folder.finished_text())
            return
        length = config.sums.vector_length or model_length(invocation)
        derived = {"vector_length": length, "value_bits": config.value_bits}
        folder.describe(config_json(config, derived=derived))
        task = SumTask(length, config.cohort.num_clients, config.encoding, config.run.seed)
        costs = _measure_all(config, task, folder.scratch / "measured")
        he_report.write(folder, config, costs)
        folder.remove_scratch()
        print(he_report.summary_text(costs, length, config.cohort.num_clients, folder.path))
        print(f"  took               {time.monotonic() - started:.0f} s")


def _measure_all(config: RunConfig, task: SumTask, scratch: Path) -> list[SumCost]:
    scratch.mkdir(parents=True, exist_ok=True)
    costs: list[SumCost] = []
    with Progress("measuring sums", "contender", len(CONTENDERS)) as progress:
        for number, contender in enumerate(CONTENDERS, 1):
            progress.announce(contender.name)
            costs.append(_measured(contender, config, task, scratch))
            progress.update(number, contender.name)
    return costs


def _measured(contender: Contender, config: RunConfig, task: SumTask, scratch: Path) -> SumCost:
    """Measures, unless an earlier process has."""
    path = scratch / f"{contender.key}.json"
    with contextlib.suppress(RunError, TypeError):  # not there, or damaged
        return SumCost(**read_json(path, "measure it again"))
    cost = measure(contender, task, config.run.preset)
    write_json(path, dataclasses.asdict(cost))
    return cost


def model_length(invocation: Invocation) -> int:
    """Returns how many trainable parameters the model has for the data set's images.

    Raises:
        TffHealthError: if the model cannot be built, or has none, or the data is not there.
    """
    config = invocation.config
    images = load_images(config, invocation.data_dir, invocation.cache_dir)
    length = run_model.num_parameters(config, images)
    if not length:
        raise RunError(f"--model={config.training.model} has no trainable parameters")
    return length
