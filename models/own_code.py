"""Errors in code of the user's own, told in one line: what was raised, and where in it."""

import re
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LONGEST = 200  # characters of an error's text
_HERE = Path(__file__).resolve().parent
_LIBRARIES = (_HERE, _HERE.parent / "tff_health", Path(sysconfig.get_path("stdlib")).resolve())
_INSTALLED = {"site-packages", "dist-packages"}
# How AutoGraph and Keras write down where an error arose, and what it was.
_TOLD_PLACE = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in ')
_TOLD_ERROR = re.compile(r"^\s*(?P<kind>\w+(?:Error|Exception)): (?P<text>.+)$", re.MULTILINE)


class OwnCodeError(ValueError):
    """Code of the user's own raised something.

    Attributes:
        what: was raised, and where.
    """

    def __init__(self, doing: str, what: str) -> None:
        super().__init__(f"{doing}, {what}")
        self.what = what


@contextmanager
def told(doing: str) -> Iterator[None]:
    """Has whatever is raised inside told in one line; but an interruption stays one.

    Args:
        doing: what failed then, for people.

    Raises:
        OwnCodeError: if something is raised.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit, too
        raise OwnCodeError(doing, describe(error)) from error


def describe(error: BaseException) -> str:
    """Returns what was raised, its text cut short, and where, as far as that is known."""
    if isinstance(error, OwnCodeError):
        return error.what
    kind, text = type(error).__name__, _text(error)
    if "in user code:" in text and (found := list(_TOLD_ERROR.finditer(text))):
        kind, text = found[-1]["kind"], found[-1]["text"]
    text = " ".join(text.split())
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST].rstrip()} ..."
    place = place_of(error)
    return (f"{kind}: {text}" if text else kind) + (f" ({place})" if place else "")


def _text(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return error.msg or ""
    lines = [line.strip() for line in str(error).splitlines()]
    if any(line.startswith("[[") for line in lines):  # of an operation, with where it stands
        kept = [line for line in lines if line and not line.startswith(("[[", "File "))]
        return kept[-1] if kept else str(error)
    return str(error)


def place_of(error: BaseException) -> str:
    """The innermost line of the user's that an error came from; empty if none is known."""
    if isinstance(error, SyntaxError) and error.filename and _is_own(error.filename):
        return f"{error.filename}, line {error.lineno}" if error.lineno else error.filename
    frames = traceback.extract_tb(error.__traceback__)
    places = [(frame.filename, str(frame.lineno)) for frame in frames]
    # Of functions that AutoGraph rewrote, the text alone names the file.
    places += [(found["file"], found["line"]) for found in _TOLD_PLACE.finditer(str(error))]
    own = [place for place in places if _is_own(place[0])]
    return f"{own[-1][0]}, line {own[-1][1]}" if own else ""


def _is_own(file: str) -> bool:
    path = Path(file).resolve()
    if file.startswith("<") or path.name.startswith("__autograph_generated_file"):
        return False
    is_installed = bool(_INSTALLED & set(path.parts))
    return not is_installed and not any(path.is_relative_to(folder) for folder in _LIBRARIES)
