"""All files below a folder, also through links and inside zip archives that nobody unpacked."""

import errno
import os
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from tff_health.data import files

# What archivers and desktops leave behind; `._name` and `.name` are left out, too.
_STRAY_FOLDERS = frozenset({"__macosx", "@eadir", "$recycle.bin", "lost+found"})
# Archives that are not opened, and downloads that were not finished.
_CLOSED = frozenset(
    {".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".z01"}
    | {".crdownload", ".part", ".partial", ".download"}
)
_ZIP_MAGIC = b"PK\x03\x04"
# Far above a photograph or a table of all images, far below what a forged archive could unpack to.
_MAX_MEMBER_BYTES = 2**30


@dataclass(frozen=True)
class TreeFile:
    """One file.

    Attributes:
        place: its path below the tree's folder, with its archive, if any, as a folder.
        size: in bytes, unpacked; -1 for a link to nothing.
        stamp: changes when the content does: time of change, or checksum.
        path: the file itself, or the archive that holds it.
        member: its name inside the archive; empty outside one.
    """

    place: PurePosixPath
    size: int
    stamp: str
    path: Path
    member: str = ""
    _archive: zipfile.ZipFile | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.path}/{self.member}" if self.member else str(self.path)

    def read(self) -> bytes:
        """Returns the content.

        Raises:
            DataError: if it cannot be read, is encrypted, or is too large for an image or a table.
        """
        try:
            if self._archive is None:
                return self.path.read_bytes()
            if self.size > _MAX_MEMBER_BYTES:
                raise ValueError(f"it unpacks to more than {_MAX_MEMBER_BYTES} bytes")
            return self._read_member(self._archive)
        except (*files.NPZ_ERRORS, NotImplementedError) as error:
            raise files.unreadable(Path(str(self)), error) from None

    def _read_member(self, archive: zipfile.ZipFile) -> bytes:
        try:
            return archive.read(self.member)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            # the archive's index points in front of its beginning
            raise ValueError("the archive lacks a part") from None


class FileTree:
    """The files below a folder, in the order of their places; a context, which closes archives.

    Hidden files, and folders that archivers and desktops make for themselves, are left out. Folders
    that may not be listed count as empty. Archives inside archives are not opened.

    Args:
        folder: where to look.

    Attributes:
        folder: the same.
        files: what was found.
        closed_archives: archives that could not be opened, archives that are not zip archives or
            lie in another one, and downloads that were not finished.

    Raises:
        DataError: if the folder cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[TreeFile] = []
        self.closed_archives: list[str] = []
        self._stack = ExitStack()
        try:
            for path in _walk(folder):
                self._add(path)
        except OSError as error:
            self._stack.close()
            raise files.unreadable(Path(error.filename or folder), error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _add(self, path: Path) -> None:
        place = PurePosixPath(path.relative_to(self.folder))
        if path.suffix.lower() == ".zip" or (not path.suffix and _is_zip(path)):
            self._add_archive(path, place)
            return
        if path.suffix.lower() in _CLOSED:
            self.closed_archives.append(str(path))
        try:
            status = path.stat()
            self.files.append(TreeFile(place, status.st_size, str(status.st_mtime_ns), path))
        except OSError:  # whoever reads it is told
            self.files.append(TreeFile(place, -1, "", path))

    def _add_archive(self, path: Path, place: PurePosixPath) -> None:
        try:
            archive = self._stack.enter_context(zipfile.ZipFile(path))
        except files.NPZ_ERRORS:
            self.closed_archives.append(str(path))
            return
        for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
            inner = PurePosixPath(entry.filename)
            if entry.is_dir() or any(map(_is_stray, inner.parts)):
                continue
            if inner.suffix.lower() == ".zip" or inner.suffix.lower() in _CLOSED:
                self.closed_archives.append(f"{path}/{inner}")
                continue
            self.files.append(
                TreeFile(
                    place / inner,
                    entry.file_size,
                    f"{entry.CRC:08x}",
                    path,
                    entry.filename,
                    archive,
                )
            )


def _is_zip(path: Path) -> bool:
    """Whether a file without a suffix is an archive, as the names of some downloads lose it."""
    try:
        with path.open("rb") as file:
            return file.read(len(_ZIP_MAGIC)) == _ZIP_MAGIC
    except OSError:
        return False


def _walk(folder: Path) -> Iterator[Path]:
    """Yields the files below a folder, sorted; follows links, each folder once."""
    seen: set[tuple[int, int]] = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders.sort()  # os.walk goes on in this order
        kept = []
        for name in folders:
            status = Path(parent, name).stat()
            identity = status.st_dev, status.st_ino
            if not _is_stray(name) and identity not in seen:
                seen.add(identity)
                kept.append(name)
        folders[:] = kept
        for name in sorted(names):
            if not _is_stray(name):
                yield Path(parent, name)


def _is_stray(name: str) -> bool:
    return name.startswith(".") or name.lower() in _STRAY_FOLDERS
