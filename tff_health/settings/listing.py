"""The settings for people: the text of `--help`, and the tables of docs/settings.md."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import models
from tff_health.data.catalog import DATA_SETS
from tff_health.schemes import SCHEMES
from tff_health.settings.experiments import EXPERIMENTS, TRAINING
from tff_health.settings.presets import PRESETS, preset_settings, presets_with
from tff_health.settings.setting import Setting
from tff_health.settings.table import GROUPS

_WIDTH = 88
_INDENT = " " * 6
_USED = (
    "Unless its text says otherwise, a setting is used by all schemes, and by all experiments that "
    f"train: {', '.join(TRAINING)}."
)
_USAGE = """Trains image classifiers across clients that keep their images to themselves.

usage: python run_experiments.py [--flag=value ...]

Without flags: the quick preset on synthetic lesions. Rerun the same command to resume a killed run.
--settings=FILE and --flagfile=FILE read settings and flags from a file. --helpfull also says what
presets set. More in README.md.
"""
_CHOICES = {
    "experiment": {name: found.description for name, found in EXPERIMENTS.items()},
    "scheme": {name: found.description for name, found in SCHEMES.items()},
    "preset": PRESETS,
    "dataset": {name: found.description for name, found in DATA_SETS.items()},
    "model": {name: found.description for name, found in models.MODELS.items()},
}
COLUMNS = ("setting", "what it is", "default", "allowed", "used by")


@dataclass(frozen=True)
class Listed:
    """A group of settings, for people.

    Attributes:
        title: of the group.
        about: says what its settings have in common.
        rows: one a setting, with the columns `COLUMNS`.
    """

    title: str
    about: str
    rows: tuple[tuple[str, str, str, str, str], ...]


def tables() -> tuple[Listed, ...]:
    """Returns all settings, group by group."""
    return tuple(
        Listed(
            group.title,
            (group.kind.__doc__ or "").splitlines()[0],
            tuple(_row(setting) for setting in group.settings if not setting.is_own),
        )
        for group in GROUPS
    )


def markdown() -> str:
    """Returns all settings as Markdown: a heading and a table for each group."""
    parts = [_USED]
    for listed in tables():
        rows = [COLUMNS, ("---",) * len(COLUMNS), *listed.rows]
        lines = ("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
        parts += [f"## {listed.title}", listed.about, "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _row(setting: Setting) -> tuple[str, str, str, str, str]:
    about = setting.about
    return (f"`--{setting.name}`", about, _default(setting), _allowed(setting), _users(setting))


def help_text(*, full: bool = False) -> str:
    """Returns the text of `--help`.

    Args:
        full: whether to say what presets set, too, and which flags read other flags.
    """
    parts = [_USAGE, *textwrap.wrap(_USED, _WIDTH)]
    for group in GROUPS:
        parts += ["", f"{group.title}:"]
        for setting in group.settings:
            if not setting.is_own:
                parts += _lines(setting)
    return "\n".join([*parts, *(_more() if full else ())])


def _lines(setting: Setting) -> Iterator[str]:
    name = f"--{setting.name}" + (f", --no{setting.name}" if setting.kind is bool else "")
    yield from textwrap.wrap(
        f"  {name}: {setting.about}", _WIDTH, subsequent_indent=_INDENT, break_on_hyphens=False
    )
    described = _CHOICES.get(setting.name, {})
    for choice, description in described.items():
        yield from textwrap.wrap(
            f"{choice}: {description}",
            _WIDTH,
            initial_indent=_INDENT + "  ",
            subsequent_indent=_INDENT + "    ",
        )
    facts = [f"Default: {_default(setting)}."]
    if not described and _allowed(setting):
        facts.append(f"Allowed: {_allowed(setting)}.")
    if users := _users(setting):
        facts.append(f"Used by: {users}.")
    yield from textwrap.wrap(
        " ".join(facts), _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT
    )


def _more() -> Iterator[str]:
    for preset, description in PRESETS.items():
        yield from ("", f"--preset={preset}, {description}:")
        for dataset in DATA_SETS:
            yield from _preset_lines(f"--dataset={dataset}", preset_settings(preset, dataset))
    yield from ("", "Flags that read others:")
    yield "  --flagfile: File of flags, one a line; # begins a comment."
    yield "  --undefok: Names of flags, joined by commas, that may be unknown."


def _preset_lines(head: str, values: dict[str, Any]) -> list[str]:
    said = " ".join(f"--{name}={_shown(value)}" for name, value in values.items())
    return textwrap.wrap(
        f"  {head}: {said}", _WIDTH, subsequent_indent=_INDENT, break_on_hyphens=False
    )


def _shown(value: Any) -> str:
    if value is None:
        return "all"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _default(setting: Setting) -> str:
    if setting.default_text:
        return setting.default_text
    presets = presets_with(setting.name)
    if setting.default is None:
        text = "by preset"
    elif presets:
        text = f"by preset ({', '.join(presets)}), else {_shown(setting.default)}"
    else:
        text = _shown(setting.default)
    others: dict[str, list[str]] = {}
    for experiment in EXPERIMENTS.values():
        value = experiment.defaults.get(setting.name, setting.default)
        if value != setting.default and experiment.name in setting.experiments:
            others.setdefault(_shown(value), []).append(experiment.name)
    return text + "".join(f", but {v} for {', '.join(names)}" for v, names in others.items())


def _allowed(setting: Setting) -> str:
    if setting.choices:
        return ", ".join(map(str, setting.choices)) + (f" ({setting.unit})" if setting.unit else "")
    if setting.kind is str and not setting.is_list:
        return ""
    unit = f" ({setting.unit})" if setting.unit else ""
    return f"{setting.kind_text}{f', {setting.range}' if setting.range else ''}{unit}"


def _users(setting: Setting) -> str:
    """Says which schemes and experiments use it, where that is not all of them."""
    texts = []
    if set(setting.schemes) != set(SCHEMES):
        texts.append(f"{_counted('scheme', setting.schemes)}")
    used, trains = set(setting.experiments), set(TRAINING)
    missing = [name for name in TRAINING if name not in used]
    also = [name for name in setting.experiments if name not in trains]
    if used == set(EXPERIMENTS):
        texts.append("all experiments")
    elif len(missing) > len(trains) // 2:
        texts.append(_counted("experiment", setting.experiments))
    elif missing or also:
        but = f", except {', '.join(missing)}" if missing else ""
        and_by = f", and by {', '.join(also)}" if also else ""
        texts.append(f"experiments that train{but}{and_by}")
    return "; ".join(texts)


def _counted(what: str, names: tuple[str, ...]) -> str:
    return f"{what if len(names) == 1 else what + 's'} {', '.join(names)}"
