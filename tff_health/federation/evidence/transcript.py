"""The transcript of a party: a file with a signed line for each round, each bound to the last.

A line is on the disk before `add` returns. What a killed program left of a line is cut off.
"""

import fcntl
import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self

from crypto.errors import SignatureError
from crypto.parties import Party
from crypto.primitives.signatures import SIGNATURE_BYTES, SigningIdentity, VerifyKey
from tff_health.federation.consortium.digests import canonical
from tff_health.federation.durable import write_durably
from tff_health.federation.errors import FederationError
from tff_health.federation.evidence.entries import START, Entry, RoundSessions
from tff_health.settings.files import read_json

TRANSCRIPT: Final = "transcript.jsonl"
_PURPOSE: Final = "federation/transcript"
_MOST_BYTES: Final = 1 << 20


class Transcript:
    """A transcript that is open, for one program at a time; opened by `open`.

    Attributes:
        path: of the file.
        entries: those that are in it.
    """

    def __init__(
        self, path: Path, file: io.FileIO, name: str, party: Party, identity: SigningIdentity
    ) -> None:
        self.path = path
        self._file = file
        self._name = name
        self._party = party
        self._identity = identity
        lines, self._end = whole_lines(path.read_bytes())
        os.ftruncate(file.fileno(), self._end)
        self.entries: list[Entry] = []
        self._previous = START
        for number, line in enumerate(lines, start=1):
            try:
                self.entries.append(read_line(line, number, self._previous))
            except FederationError as error:
                raise FederationError(f"{path}: line {number}: {error}") from None
            self._previous = hashlib.sha256(line).hexdigest()
        self._is_sound = True

    @classmethod
    def open(cls, path: Path, name: str, party: Party, identity: SigningIdentity) -> Self:
        """Opens a transcript, or begins one.

        Args:
            path: of the file.
            name: of the party, as in the registry.
            party: who it is.
            identity: with which it signs.

        Raises:
            FederationError: if it cannot be opened, another program has it open, or it was
                changed.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            file = io.FileIO(descriptor, "r+")
        except OSError as error:
            raise FederationError(f"{path}: cannot be opened: {error.strerror}") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return cls(path, file, name, party, identity)
        except BlockingIOError:
            file.close()
            raise FederationError(f"{path}: another program has it open") from None
        except BaseException:
            file.close()
            raise

    def add(self, told: RoundSessions, when: float) -> Entry:
        """Adds a round; returns once it is on the disk.

        Args:
            told: what the party knows of its sessions.
            when: Unix time, in seconds.

        Raises:
            FederationError: if it cannot be written.
        """
        if not self._is_sound:
            raise FederationError(f"{self.path}: takes no more after a failure of the disk")
        number = len(self.entries) + 1
        entry = Entry(number, self._previous, int(when), self._name, self._party, told)
        signature = self._identity.sign(_PURPOSE, entry.to_bytes())
        line = canonical({"entry": entry.to_data(), "signature": signature.hex()})
        try:
            write_durably(self._file.fileno(), line + b"\n", self._end)
        except OSError as error:
            self._is_sound = False
            raise FederationError(f"{self.path}: cannot be written: {error.strerror}") from None
        self.entries.append(entry)
        self._previous = hashlib.sha256(line).hexdigest()
        self._end += len(line) + 1
        return entry

    def close(self) -> None:
        """Lets another program open it."""
        self._file.close()


def whole_lines(content: bytes) -> tuple[list[bytes], int]:
    """Returns the lines that have an end, and where the last one ends."""
    end = content.rfind(b"\n") + 1
    return content[:end].split(b"\n")[:-1], end


def read_line(
    line: bytes,
    number: int,
    previous: str,
    key_of: Callable[[Entry], VerifyKey] | None = None,
) -> Entry:
    """Returns the entry in a line.

    Args:
        line: without its end.
        number: which it must be.
        previous: what it must follow on.
        key_of: returns the key of the party that signed an entry; None to believe the signature.

    Raises:
        FederationError: saying what is wrong with it.
    """
    data: Any = None
    if len(line) <= _MOST_BYTES:
        try:
            data = read_json(line.decode("ascii"))
        except (ValueError, RecursionError):
            data = None
    if not isinstance(data, dict) or set(data) != {"entry", "signature"}:
        raise FederationError("it is no line of a transcript")
    entry = Entry.from_data(data["entry"])
    try:
        signature = bytes.fromhex(data["signature"])
    except (TypeError, ValueError):
        signature = b""
    is_usual = canonical(data) == line and signature.hex() == data["signature"]
    if not is_usual or len(signature) != SIGNATURE_BYTES:
        raise FederationError("it is not written as a transcript is")
    if key_of is not None:
        try:
            key_of(entry).verify(_PURPOSE, entry.to_bytes(), signature)
        except SignatureError:
            raise FederationError(
                f"it was changed: the signature of {entry.name} does not hold"
            ) from None
    if entry.number != number:
        raise FederationError(f"it is entry {entry.number}, and entry {number} belongs here")
    if entry.previous != previous:
        raise FederationError("it does not follow on the line before: one was changed or left out")
    return entry
