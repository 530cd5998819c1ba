"""Checks of settings, all before anything is started and without TensorFlow."""

from tff_health.errors import ConfigError
from tff_health.settings.checks import (
    clock,
    data,
    privacy,
    robust,
    schemes,
    statistics,
    studies,
    values,
)
from tff_health.settings.config import RunConfig
from tff_health.settings.table import used_by


def validate(config: RunConfig) -> None:
    """Checks every setting, and all of them together.

    Raises:
        ConfigError: with every problem found, one a line.
    """
    problems = [*values.problems(config), *data.problems(config)]
    if not problems:
        problems = studies.problems(config)
    if config.run.experiment == "statistics":
        problems = problems or statistics.problems(config)
    elif "scheme" not in used_by(config.run.experiment):
        problems = problems or studies.sum_problems(config)
    elif not problems:
        problems = [
            *schemes.problems(config),
            *privacy.problems(config),
            *robust.problems(config),
        ]
        problems = problems or clock.problems(config)
    if problems:
        raise ConfigError("\n".join(problems))
