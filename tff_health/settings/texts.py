"""Text files that flags name: settings, flags, and what was chosen before."""

from pathlib import Path

from tff_health.errors import ConfigError

_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_text(name: str, path: Path) -> str:
    """Returns a file's text, in UTF-8 or, as some shells write it, in UTF-16 that says so.

    Args:
        name: of the flag that names the file.
        path: of the file.

    Raises:
        ConfigError: if it cannot be read, or is no such text.
    """
    try:
        content = path.read_bytes()
        return content.decode("utf-16" if content.startswith(_UTF16) else "utf-8-sig")
    except IsADirectoryError:
        raise ConfigError(f"--{name}={path}: is a folder: name a file in it") from None
    except OSError as error:
        raise ConfigError(f"--{name}={path}: {error.strerror}: name another file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"--{name}={path}: is not text in UTF-8, from byte {error.start} on: save it as UTF-8"
        ) from None
