"""From the name of an experiment to its code."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from tff_health import interrupts
from tff_health.reporting.results_folder import refuse_inside_of_a_run
from tff_health.settings.experiments import EXPERIMENTS

if TYPE_CHECKING:
    from tff_health.settings.config import Invocation


def run(invocation: Invocation) -> None:
    """Runs the experiment that the command line names.

    Raises:
        TffHealthError: if it cannot be run, or could not go on.
    """
    if not invocation.dry_run:
        refuse_inside_of_a_run(invocation.out_dir)
    module, function = EXPERIMENTS[invocation.config.run.experiment].runner.split(":")
    with interrupts.no_cleanup():
        imported = importlib.import_module(module)
    getattr(imported, function)(invocation)
