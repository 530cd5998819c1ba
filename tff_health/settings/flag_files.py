"""Files of flags (`--flagfile=FILE`), put in the place of the flag that names them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tff_health.data.folders import expanded
from tff_health.errors import ConfigError
from tff_health.settings.texts import read_text

_NAME = "flagfile"
_COMMENTS = ("#", "//")


def with_flag_files(arguments: Sequence[str]) -> list[str]:
    """Returns the arguments with the flags that files hold.

    Args:
        arguments: flags, without the name of the program.

    Raises:
        ConfigError: if a file is not named, cannot be read, is not text, or reads itself.
    """
    return list(_read(arguments, ()))


def _read(arguments: Sequence[str], within: tuple[Path, ...]) -> Iterator[str]:
    rest = iter(arguments)
    for argument in rest:
        name, has_value, value = argument.partition("=")
        if name not in (f"--{_NAME}", f"-{_NAME}"):
            yield argument
            continue
        value = value if has_value else next(rest, "")
        if not value.strip():
            raise ConfigError(f"--{_NAME}=: is empty; name a file, or leave it out (see --help)")
        path = expanded(f"--{_NAME}", value).absolute()
        if any(path.exists() and path.samefile(other) for other in within):
            raise ConfigError(f"--{_NAME}={value}: reads itself: remove that line from it")
        lines = map(str.strip, read_text(_NAME, path).splitlines())
        flags = [line for line in lines if line and not line.startswith(_COMMENTS)]
        yield from _read(flags, (*within, path))
