"""What is in the memory of a program that runs: as much as a core file of it would hold."""

import re
from pathlib import Path

MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)")
MOST = 1 << 30


def memory(pid):
    """Yield the contents of all that a program may write to, piece by piece; best if it is stopped.

    Args:
        pid: of a program that this one has started, or that is of the same user.
    """
    maps = Path(f"/proc/{pid}/maps").read_text()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as file:
        for line in maps.splitlines():
            begin, end, rights, name = MAPPING.fullmatch(line).groups()
            first, length = int(begin, 16), int(end, 16) - int(begin, 16)
            if not rights.startswith("rw") or name.startswith("[v") or length > MOST:
                continue
            try:
                file.seek(first)
                yield read_whole(file, length)
            except OSError:  # a mapping without memory behind it
                continue


def read_whole(file, length):
    pieces = []
    while length and (piece := file.read(length)):
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)


def found_in(pieces, marks):
    """Those of some marks that occur in any of some byte strings.

    Args:
        pieces: byte strings.
        marks: name -> bytes.
    """
    found = set()
    for piece in pieces:
        found |= {name for name, mark in marks.items() if name not in found and mark in piece}
    return found
