"""Frames: what travels in a stream, each a message of gRPC.

A frame is one byte that says its kind, and what belongs to it. A message travels as one frame BEGIN
(its length in 8 bytes, little-endian, and its first piece) and as many MORE as it needs, which no
other message interrupts.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Final

_LENGTH_BYTES: Final = 8
_MOST_REASON: Final = 500


class FrameError(Exception):
    """The other side sent what no honest program sends; its stream ends."""


class FrameKind(IntEnum):
    """What a frame is; 0 is none."""

    GREETING = 1
    BEGIN = 2
    MORE = 3
    BEAT = 4
    PING = 5
    PONG = 6
    FAREWELL = 7


BARE: Final = (FrameKind.BEAT, FrameKind.PING, FrameKind.PONG)
"""Kinds that say nothing more."""


def frame(kind: FrameKind, content: bytes | memoryview = b"") -> bytes:
    """Returns a frame."""
    return b"".join((bytes((kind,)), content))


def split(data: bytes) -> tuple[FrameKind, memoryview]:
    """Takes a frame apart.

    Raises:
        FrameError: if it is none.
    """
    if not data:
        raise FrameError("an empty frame")
    try:
        kind = FrameKind(data[0])
    except ValueError:
        raise FrameError(f"a frame of the unknown kind {data[0]}") from None
    if kind in BARE and len(data) > 1:
        raise FrameError(f"a frame {kind.name} with {len(data) - 1} bytes; it has none")
    return kind, memoryview(data)[1:]


def pieces(message: bytes, size: int) -> Iterator[bytes]:
    """Yields the frames of a message.

    Args:
        message: of any length.
        size: of a piece, 1 or more.
    """
    view = memoryview(message)
    start = len(message).to_bytes(_LENGTH_BYTES, "little")
    yield b"".join((bytes((FrameKind.BEGIN,)), start, view[:size]))
    for begin in range(size, len(message), size):
        yield frame(FrameKind.MORE, view[begin : begin + size])


def begun(content: memoryview, most: int) -> tuple[int, memoryview]:
    """Takes the content of BEGIN apart: the length of the message, and its first piece.

    Raises:
        FrameError: if it is none, or the message is too long.
    """
    if len(content) < _LENGTH_BYTES:
        raise FrameError("a message that begins without its length")
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    if length > most:
        raise FrameError(f"a message of {length:,} bytes; allowed are {most:,}")
    return length, content[_LENGTH_BYTES:]


def farewell(reason: str, *, is_final: bool) -> bytes:
    """Returns the frame that says why the stream ends."""
    return frame(FrameKind.FAREWELL, bytes((is_final,)) + reason.encode()[:_MOST_REASON])


def read_farewell(content: memoryview) -> tuple[str, bool]:
    """Returns a farewell's reason, fit to be printed, and whether it is final."""
    text = bytes(content[1 : 1 + _MOST_REASON]).decode("utf-8", "replace")
    reason = "".join(c if c.isprintable() else "?" for c in text)
    return reason or "no reason given", bool(content) and content[0] == 1
