"""The command line: the only place that knows absl. What its flags mean, `settings` says.

Nothing here imports TensorFlow, so that `--help` and errors come at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from tff_health.data.folders import cache_folder, data_folder
from tff_health.errors import ConfigError
from tff_health.settings.groups.local import LocalSettings
from tff_health.settings.setting import Setting
from tff_health.settings.table import LOCAL, SETTINGS
from tff_health.settings.words import nearest

if TYPE_CHECKING:
    from tff_health.settings.config import Invocation

_MAX_PORT = 65535


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Invocation | str:
    """Parses and checks a command line.

    Args:
        arguments: program name and flags, as `sys.argv`.
        environment: as `os.environ`; only folders are taken from it.

    Returns:
        what to run, or the text to print for `--help`.

    Raises:
        ConfigError: if a flag is unknown or malformed, or the settings are not allowed together.
    """
    values = _define_flags()
    try:
        rest = values(list(arguments))[1:]
    except flags.Error as error:
        raise ConfigError(f"{_worded(error)} (see --help)") from None
    if values.help or values.helpfull:
        from tff_health.settings import listing

        return listing.help_text(full=values.helpfull)
    if rest:
        raise ConfigError(f"'{rest[0]}' is not a flag; flags look like --rounds=40 (see --help)")
    for name, setting in SETTINGS.items():
        if setting.group == LOCAL and values[name].present and values[name].value in ("", ()):
            # as of a variable of the shell that is not set
            raise ConfigError(f"--{name}=: is empty; leave it out for its default (see --help)")
    given = {name: values[name].value for name in SETTINGS if name in values}
    return _invocation({n: v for n, v in given.items() if v is not None}, environment)


def _invocation(given: dict[str, Any], environment: Mapping[str, str]) -> Invocation:
    # Imported here, as they know all of the cryptography, whose import takes a second.
    from tff_health.reporting.results_folder import SCRATCH
    from tff_health.settings.checks import validate
    from tff_health.settings.config import Invocation
    from tff_health.settings.files import overridden, read_settings
    from tff_health.settings.resolve import resolve

    if given.get("settings"):
        given = overridden(read_settings(Path(given["settings"])), given)
    config = resolve(given)
    validate(config)
    local = LocalSettings(**{n: v for n, v in given.items() if SETTINGS[n].group == LOCAL})
    out_dir = Path(local.out_dir) if local.out_dir else config.default_folder()
    data_dir = data_folder(local.data_dir or None, environment)
    for worker in local.tff_workers:
        _check_address(worker)
    cache_dir = cache_folder(environment) or out_dir / SCRATCH / "cache"
    return Invocation(config, data_dir, cache_dir, out_dir, local.tff_workers, local.dry_run)


def _check_address(text: str) -> None:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= _MAX_PORT:
        raise ConfigError(f"--tff_workers={text}: must be host:port, several joined by commas")


class _Parser(flags.ArgumentParser):  # type: ignore[misc] # absl has no types
    """Turns the text of a flag into the value of a setting."""

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self._setting = setting

    def parse(self, argument: Any) -> Any:
        """Returns the value; raises ValueError, from which absl makes its own error."""
        return self._setting.from_text(argument)


def _define_flags() -> flags.FlagValues:
    values = flags.FlagValues()
    place: dict[str, Any] = {"flag_values": values, "module_name": __name__}
    for name, setting in SETTINGS.items():
        if setting.is_own:
            continue
        if setting.kind is bool:
            flags.DEFINE_boolean(name, None, setting.about, **place)
        else:
            flags.DEFINE(_Parser(setting), name, None, setting.about, **place)
    flags.DEFINE_boolean("help", False, "Lists all settings.", short_name="h", **place)
    flags.DEFINE_boolean("helpfull", False, "Also says what presets set.", **place)
    return values


def _worded(error: flags.Error) -> str:
    """Returns absl's error as all our errors are worded."""
    if isinstance(error, flags.UnrecognizedFlagError):
        near = nearest(error.flagname, SETTINGS).replace("mean ", "mean --")
        return f"--{error.flagname}: no setting has this name{near}"
    return str(error).removeprefix("flag ")
