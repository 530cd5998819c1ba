"""Checks of each setting by itself."""

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
    return found
