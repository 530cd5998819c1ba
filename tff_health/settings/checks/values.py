"""Checks of each setting by itself."""

from pathlib import Path

import models
from tff_health.settings.config import RunConfig
from tff_health.settings.table import LOCAL, SETTINGS, used_by
from tff_health.settings.words import nearest, shown


def problems(config: RunConfig) -> list[str]:
    """Says which values the experiment cannot use, and what is allowed."""
    found = []
    for name in used_by(config.run.experiment):
        setting = SETTINGS[name]
        if setting.group == LOCAL:
            continue
        value = config.value(name)
        if problem := setting.problem(value):
            near = nearest(str(value), map(str, setting.choices)) if setting.choices else ""
            found.append(f"{shown(name, value)}: {problem}{near}")
    if wrong := models.problem_with(config.training.model):
        near = "" if ":" in config.training.model else nearest(config.training.model, models.MODELS)
        found.append(f"--model={config.training.model}: {wrong}{near}")
    return found + _weights_problems(config)


def _weights_problems(config: RunConfig) -> list[str]:
    """What can be seen of a file of weights without reading it."""
    file = config.training.initial_weights
    if config.training.new_head and not file:
        return ["--new_head: has no effect without --initial_weights"]
    if file and not file.endswith((".h5", ".keras")):
        return [f"--initial_weights={file}: must be a file .weights.h5 or .keras"]
    if file and not Path(file).is_file():
        return [f"--initial_weights={file}: there is no such file"]
    return []
