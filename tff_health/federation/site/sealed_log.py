"""A file of records that only grows, sealed at rest; a record is on the disk before work goes on.

Every record is encrypted and authenticated together with all records before it: who changes, moves,
repeats or removes one in the middle is found out. Records have one size, so that what a killed
program left unfinished at the end is told from damage: it was never promised to anybody, and is cut
off. Who removes whole records at the end, or puts back an older copy of the file, is not found out
by the file alone: restore no backup of it.

Source: AES-256-GCM with random nonces, NIST SP 800-38D; a key for each file by HKDF, RFC 5869.
"""

import contextlib
import fcntl
import hashlib
import io
import os
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from crypto.domain import domain_tag
from crypto.randomness import SYSTEM
from tff_health.atomic import atomic_write
from tff_health.federation.durable import sync_folder, write_durably
from tff_health.federation.errors import FederationError

SLOT: Final = 512
"""Bytes of a record in the file."""
_MAGIC: Final = b"tffhlog1"
_ID: Final = 16
HEADER: Final = len(_MAGIC) + _ID
_NONCE: Final = 12
_TAG: Final = 16
_LENGTH: Final = 2
MOST: Final = SLOT - _NONCE - _TAG - _LENGTH
"""Bytes of the longest record."""


class SealedLog:
    """A file of records; made by `create`, opened by `open`, one program at a time.

    Attributes:
        path: of the file.
        records: those that are in it.
    """

    def __init__(self, path: Path, file: io.FileIO, key: bytes, purpose: str) -> None:
        self.path = path
        self.records: list[bytes] = []
        self._file = file
        self._purpose = purpose
        content = path.read_bytes()
        if content[: len(_MAGIC)] != _MAGIC or len(content) < HEADER:
            raise FederationError(f"{path}: is no sealed log")
        self._cipher = AESGCM(_file_key(key, content[len(_MAGIC) : HEADER], purpose))
        self._chain = hashlib.sha256(content[:HEADER]).digest()
        self._end = HEADER
        self._is_sound = True
        while self._end + SLOT <= len(content):
            slot = content[self._end : self._end + SLOT]
            self.records.append(self._opened(slot))
            self._advance(slot)
        if self._end < len(content):
            self._cut()

    @classmethod
    def create(cls, path: Path) -> None:
        """Makes an empty log.

        Raises:
            FederationError: if there is one already, or it cannot be written.
        """
        if path.exists():
            raise FederationError(f"{path}: is there already, and is never made anew")
        try:
            with atomic_write(path, private=True) as file:
                file.write(_MAGIC + SYSTEM.bytes(_ID))
            sync_folder(path.parent)
        except OSError as error:
            raise FederationError(f"{path}: cannot be written: {error.strerror}") from None

    @classmethod
    def open(cls, path: Path, key: bytes, purpose: str) -> Self:
        """Opens a log and reads its records.

        Args:
            path: of the file.
            key: the site's storage key, 32 bytes.
            purpose: what it is for; a log for another purpose has another key.

        Raises:
            FederationError: if there is none, another program has it open, or it was changed by
                anybody but its owner.
        """
        try:
            file = io.FileIO(path, "r+")
        except FileNotFoundError:
            raise FederationError(
                f"{path}: is gone. `enrol` made it, and without it this site cannot know what it "
                "has given away already: put it back, or enrol anew under new keys"
            ) from None
        except OSError as error:
            raise FederationError(f"{path}: cannot be opened: {error.strerror}") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return cls(path, file, key, purpose)
        except BlockingIOError:
            file.close()
            raise FederationError(
                f"{path}: another program has it open: a site runs once"
            ) from None
        except BaseException:
            file.close()
            raise

    def append(self, record: bytes) -> None:
        """Adds a record; returns once it is on the disk.

        Args:
            record: at most `MOST` bytes.

        Raises:
            FederationError: if it cannot be kept; then nothing may be done that relies on it. After
                a failure of the disk the log takes no more until it is opened anew.
        """
        if not self._is_sound:
            raise FederationError(f"{self.path}: takes no more after a failure of the disk")
        if len(record) > MOST:
            raise FederationError(f"{self.path}: a record has at most {MOST} bytes")
        nonce = SYSTEM.bytes(_NONCE)
        padded = len(record).to_bytes(_LENGTH, "little") + record.ljust(MOST, b"\0")
        slot = nonce + self._cipher.encrypt(nonce, padded, self._bound_to())
        try:
            write_durably(self._file.fileno(), slot, self._end)
        except OSError as error:
            self._is_sound = False
            with contextlib.suppress(OSError):  # else opening cuts it off
                os.ftruncate(self._file.fileno(), self._end)
            raise FederationError(
                f"{self.path}: cannot be written: {error.strerror}; nothing was given away"
            ) from None
        self.records.append(record)
        self._advance(slot)

    def close(self) -> None:
        """Lets another program open it."""
        self._file.close()

    def _opened(self, slot: bytes) -> bytes:
        try:
            padded = self._cipher.decrypt(slot[:_NONCE], slot[_NONCE:], self._bound_to())
        except InvalidTag:
            raise FederationError(
                f"{self.path}: record {len(self.records) + 1} is not what was written, or the "
                "storage key is another: somebody has changed the file, or the disk is damaged"
            ) from None
        return padded[_LENGTH:][: int.from_bytes(padded[:_LENGTH], "little")]

    def _bound_to(self) -> bytes:
        return domain_tag("federation/sealed log", self._purpose.encode(), self._chain)

    def _advance(self, slot: bytes) -> None:
        self._chain = hashlib.sha256(self._chain + slot).digest()
        self._end += SLOT

    def _cut(self) -> None:
        try:
            os.ftruncate(self._file.fileno(), self._end)
            os.fsync(self._file.fileno())
        except OSError as error:
            raise FederationError(f"{self.path}: cannot be written: {error.strerror}") from None


def _file_key(key: bytes, file_id: bytes, purpose: str) -> bytes:
    info = domain_tag("federation/sealed log key", purpose.encode())
    return HKDF(SHA256(), length=32, salt=file_id, info=info).derive(key)
