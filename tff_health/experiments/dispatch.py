"""From the name of an experiment to its code."""

import importlib

from tff_health import interrupts
from tff_health.experiments.catalog import EXPERIMENTS
from tff_health.experiments.config import Invocation


def run(invocation: Invocation) -> None:
    """Runs the experiment that the command line names."""
    module, function = EXPERIMENTS[invocation.config.experiment].runner.split(":")
    with interrupts.no_cleanup():
        imported = importlib.import_module(module)
    getattr(imported, function)(invocation)
