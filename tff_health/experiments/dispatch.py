"""From the name of an experiment to its code."""

from tff_health.experiments import train
from tff_health.experiments.config import Invocation

_EXPERIMENTS = {"train": train.run}


def run(invocation: Invocation) -> None:
    """Runs the experiment that the command line names."""
    _EXPERIMENTS[invocation.config.experiment](invocation)
