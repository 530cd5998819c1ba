"""The text of a table that somebody exported, in whatever encoding."""

from pathlib import Path

from tff_health.data import files
from tff_health.data.file_tree import TreeFile


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
