"""The command line: the only place that knows absl. What its flags mean, `settings` says.

Nothing here imports TensorFlow, so that `--help` and errors come at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from absl import flags

from tff_health.data.folders import cache_folder, data_folder, expanded
from tff_health.errors import ConfigError
from tff_health.settings.groups.local import LocalSettings
from tff_health.settings.setting import Setting
from tff_health.settings.table import LOCAL, SETTINGS
from tff_health.settings.words import nearest

if TYPE_CHECKING:
    from tff_health.settings.config import Invocation

_MAX_PORT = 65535
_ADDRESS = re.compile(r"(?P<host>[^\s:/,\[\]]+|\[[0-9a-fA-F:.%\w]+\]):(?P<port>[0-9]{1,5})")
# Without one they would be taken for not given, and would not say so.
_WITH_A_VALUE = (*(n for n, s in SETTINGS.items() if s.group == LOCAL), "chosen")


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Invocation | str:
    """Parses and checks a command line.

    Args:
        arguments: program name and flags, as `sys.argv`.
        environment: as `os.environ`; only folders are taken from it.

    Returns:
        what to run, or the text to print for `--help`.

    Raises:
        ConfigError: if a flag is unknown or malformed, or the settings are not allowed together.
        DataError: if images of the user's own are named, and there are none.
    """
    from tff_health.settings.flag_files import with_flag_files

    values = _define_flags()
    try:
        rest = values([*arguments[:1], *with_flag_files(arguments[1:])])[1:]
    except (flags.Error, ValueError) as error:  # absl raises both
        raise ConfigError(f"{_worded(error)} (see --help)") from None
    if values.help or values.helpfull:
        from tff_health.settings import listing

        return listing.help_text(full=values.helpfull)
    if rest:
        raise ConfigError(f"'{rest[0]}' is not a flag; flags look like --rounds=40 (see --help)")
    for name in _WITH_A_VALUE:
        if values[name].present and _is_empty(values[name].value):
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
        given = overridden(read_settings(expanded("--settings", given["settings"])), given)
    config = resolve(given)
    validate(config)
    local = LocalSettings(**{n: v for n, v in given.items() if SETTINGS[n].group == LOCAL})
    out_dir = expanded("--out_dir", local.out_dir) if local.out_dir else config.default_folder()
    data_dir = data_folder(local.data_dir or None, environment)
    _check_addresses(local.tff_workers)
    cache_dir = cache_folder(environment) or out_dir / SCRATCH / "cache"
    return Invocation(config, data_dir, cache_dir, out_dir, local.tff_workers, local.dry_run)


def _is_empty(value: Any) -> bool:
    return value == () or (isinstance(value, str) and not value.strip())


def _check_addresses(texts: Sequence[str]) -> None:
    seen = set()
    for text in texts:
        found = _ADDRESS.fullmatch(text)
        if not found or not 1 <= int(found["port"]) <= _MAX_PORT:
            raise ConfigError(
                f"--tff_workers={text}: must be host:port, several joined by commas, with an IPv6 "
                "address in square brackets"
            )
        address = found["host"].lower(), int(found["port"])
        if address in seen:
            raise ConfigError(f"--tff_workers={','.join(texts)}: has {text} twice; name it once")
        seen.add(address)


class _Parser(flags.ArgumentParser):  # type: ignore[misc] # absl has no types
    """Turns the text of a flag into the value of a setting."""

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self._setting = setting

    def parse(self, argument: Any) -> Any:
        """Returns the value; raises ValueError, from which absl makes its own error."""
        return self._setting.from_text(argument)


class _SwitchParser(flags.BooleanParser):  # type: ignore[misc] # absl has no types
    """As absl's, with an error that is worded as ours."""

    def parse(self, argument: Any) -> Any:
        """Returns true or false."""
        try:
            return super().parse(argument)
        except (TypeError, ValueError):
            raise ValueError("must be true or false") from None


def _define_flags() -> flags.FlagValues:
    values = flags.FlagValues()
    place: dict[str, Any] = {"flag_values": values, "module_name": __name__}
    for name, setting in SETTINGS.items():
        if setting.is_own:
            continue
        if setting.kind is bool:
            switch = flags.BooleanFlag(name, None, setting.about)
            switch.parser = _SwitchParser()
            flags.DEFINE_flag(switch, **place)
        else:
            flag = flags.Flag(_Parser(setting), None, name, None, setting.about)
            flag.boolean = setting.is_switch
            flags.DEFINE_flag(flag, **place)
    flags.DEFINE_boolean("help", False, "Lists all settings.", short_name="h", **place)
    flags.DEFINE_boolean("helpfull", False, "Also says what presets set.", **place)
    return values


def _worded(error: Exception) -> str:
    """Returns absl's error as all our errors are worded."""
    if isinstance(error, flags.UnrecognizedFlagError):
        known = [name for name, setting in SETTINGS.items() if not setting.is_own]
        near = nearest(error.flagname, known).replace("mean ", "mean --")
        return f"--{error.flagname}: no setting has this name{near}"
    return str(error).removeprefix("flag ")
