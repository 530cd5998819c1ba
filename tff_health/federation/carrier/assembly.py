"""Messages from pieces: in memory as long as there is room, else in a file without a name."""

import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from tff_health.federation.carrier.frames import FrameError, FrameKind, begun

LEAST_PIECE: Final = 1024
"""Bytes of a piece that is not the last, so that nobody is kept busy with crumbs."""


@dataclass
class Room:
    """The memory that all messages of one program share.

    Attributes:
        most: bytes.
        largest: bytes of a message that is put into memory at all.
        spool: the folder of files for what finds no room; None for the system's.
        taken: bytes.
    """

    most: int
    largest: int
    spool: Path | None = None
    taken: int = field(default=0, init=False)

    def take(self, size: int) -> bool:
        """Takes so much room, if there is."""
        if size > self.largest or self.taken + size > self.most:
            return False
        self.taken += size
        return True

    def free(self, size: int) -> None:
        """Gives room back."""
        self.taken -= size


class Parcel:
    """One message that is being put together, or waits to be read.

    Args:
        length: of the message.
        room: in which it is put, if it fits.
    """

    def __init__(self, length: int, room: Room) -> None:
        self.length = length
        self._room = room
        self._arrived = 0
        self._content = bytearray()
        self._file: BinaryIO | None = None
        if not room.take(length):
            self._file = tempfile.TemporaryFile(dir=room.spool)  # noqa: SIM115 - closed by `drop`
        self._is_held = True

    @property
    def is_whole(self) -> bool:
        """Whether all of it has come."""
        return self._arrived == self.length

    def add(self, piece: memoryview) -> None:
        """Adds a piece; OSError if it finds no room in the file.

        Raises:
            FrameError: if it goes beyond the message's length.
        """
        self._arrived += len(piece)
        if self._arrived > self.length:
            raise FrameError(f"a message of more than the {self.length:,} bytes that it began with")
        if self._file is None:
            self._content += piece
        else:
            self._file.write(piece)

    def take(self) -> bytes:
        """Returns the message, and gives its room back."""
        try:
            if self._file is None:
                return bytes(self._content)
            self._file.seek(0)
            return self._file.read()
        finally:
            self.drop()

    def drop(self) -> None:
        """Gives its room back."""
        if not self._is_held:
            return
        self._is_held = False
        self._content = bytearray()
        if self._file is None:
            self._room.free(self.length)
        else:
            with suppress(OSError):
                self._file.close()


class Assembly:
    """Puts the pieces of one stream together.

    Args:
        most: bytes of a message.
        room: in which messages are put.
    """

    def __init__(self, most: int, room: Room) -> None:
        self._most = most
        self._room = room
        self._begun: Parcel | None = None

    def take(self, kind: FrameKind, content: memoryview) -> Parcel | None:
        """Takes a frame BEGIN or MORE; returns the message that it completes, if it does.

        Raises:
            FrameError: if no honest program sends it now.
            OSError: if there is no room for it.
        """
        if kind == FrameKind.BEGIN:
            if self._begun is not None:
                raise FrameError("a message that begins before the last one has ended")
            length, content = begun(content, self._most)
            self._begun = Parcel(length, self._room)
        elif self._begun is None or not content:
            raise FrameError("a piece of no message, or an empty one")
        parcel = self._begun
        parcel.add(content)
        if not parcel.is_whole:
            if len(content) < LEAST_PIECE:
                raise FrameError(f"a message in pieces of fewer than {LEAST_PIECE} bytes")
            return None
        self._begun = None
        return parcel

    def drop(self) -> None:
        """Gives up what has begun."""
        if self._begun is not None:
            self._begun.drop()
            self._begun = None
