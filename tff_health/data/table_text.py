"""Tables that somebody exported as text, in whatever encoding and with whatever delimiter."""

import csv
import io
import re
from pathlib import Path
from typing import Any, Final

from tff_health.data import files
from tff_health.data.file_tree import TreeFile

_DELIMITERS: Final = (",", "\t", ";", "|")
# How tables write that there is no value.
_NO_VALUES: Final = frozenset({"", "nan", "na", "n/a", "<na>", "none", "null", "nat"})


def open_table(file: TreeFile) -> Any:
    """Returns a `csv.reader` of a table, whose delimiter its first line tells.

    Raises:
        DataError: if it is no text.
    """
    # Excel's own note on the delimiter, which it writes before the header.
    text = re.sub(r"\Asep=.[\r\n]+", "", decode_table(file))
    header = re.split(r"[\r\n]", text, maxsplit=1)[0]
    delimiter = max(_DELIMITERS, key=header.count)
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def value_of(text: str) -> str:
    """Returns a value without blanks around it; "" if it says that there is none."""
    text = text.strip()
    return "" if text.lower() in _NO_VALUES else text


def decode_table(file: TreeFile) -> str:
    """Returns the text of a table.

    Raises:
        DataError: if it is none.
    """
    content = file.read()
    for encoding in _encodings(content):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise files.unreadable(
        Path(str(file)), ValueError("it is not text: save the table as CSV in UTF-8")
    )


def _encodings(content: bytes) -> tuple[str, ...]:
    """The encodings that a table may have; every second byte of ASCII in UTF-16 is 0."""
    if content[:4] in (b"\xff\xfe\0\0", b"\0\0\xfe\xff"):
        return ("utf-32",)
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return ("utf-16",)
    if content[1:8:2] == b"\0\0\0\0":
        return ("utf-16-le",)
    if content[0:8:2] == b"\0\0\0\0":
        return ("utf-16-be",)
    return ("utf-8-sig", "cp1252")
