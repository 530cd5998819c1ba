"""Downloads the data files that may be downloaded without asking anyone.

A file appears under its name only when it is complete and has the published checksum.
"""

import contextlib
import hashlib
import http.client
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from tff_health.atomic import atomic_write
from tff_health.data import files
from tff_health.errors import ConfigError, DataError

CHUNK_BYTES = 2**18
TIMEOUT_SECONDS = 30
PLAIN_LINES = 4


@dataclass(frozen=True, kw_only=True)
class Download:
    """A published file.

    Attributes:
        file_name: its name in the data folder.
        url: where it is published.
        algorithm: of `hashlib`, the one that its publisher gives a checksum of.
        checksum: in hex.
        terms: its licence.
    """

    file_name: str
    url: str
    algorithm: str
    checksum: str
    terms: str


DOWNLOADS = {
    "mnist": Download(
        file_name="mnist.npz",
        url="https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
        algorithm="sha256",
        checksum="731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
        terms="CC BY-SA 3.0",
    ),
    "dermamnist": Download(
        file_name="dermamnist.npz",
        url="https://zenodo.org/records/10519652/files/dermamnist.npz?download=1",
        algorithm="md5",
        checksum="0744692d530f8e62ec473284d019b0c7",
        terms="CC BY-NC 4.0",
    ),
}


def fetch(download: Download, data_dir: Path, url: str | None = None) -> Path:
    """Downloads a file into `data_dir`, which is made if needed, and returns its path.

    A file that is there already and has the right checksum is left alone.

    Args:
        download: what to get.
        data_dir: where to put it.
        url: a mirror, http or https, of the very same file; None is where it was published.

    Raises:
        ConfigError: if the URL is not http or https.
        DataError: if the file cannot be downloaded or written, has another checksum, or another
            file of its name is in the way. Nothing half-written stays.
    """
    url = url or download.url
    if urllib.parse.urlsplit(url).scheme not in {"http", "https"}:
        raise ConfigError(f"{url} is not an http or https address")
    path = data_dir / download.file_name
    try:
        if path.exists():
            _check_present(path, download)
            print(f"{path} is there already; its checksum is right")
            return path
        _make_folder(data_dir)
        print(f"Downloading {download.file_name} ({download.terms}) from {url}", flush=True)
        with atomic_write(path) as file:
            digest = hashlib.new(download.algorithm)
            for chunk in _body(url, download.file_name):
                digest.update(chunk)
                file.write(chunk)
            _check(digest.hexdigest(), download, url)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from None
    print(f"Saved as {path}; its {download.algorithm} is right")
    return path


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"the folder {folder} cannot be made: {error.strerror}") from None


def _check_present(path: Path, download: Download) -> None:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, download.algorithm).hexdigest()
    except OSError as error:
        raise files.unreadable(path, error) from None
    if found != download.checksum:
        raise DataError(
            f"{path} is there already, but is not the published file (its {download.algorithm} is "
            f"{found}): remove it, or choose another --data_dir"
        )


def _check(found: str, download: Download, url: str) -> None:
    if found != download.checksum:
        raise DataError(
            f"{url} sent another file: its {download.algorithm} is {found}, but must be "
            f"{download.checksum}; nothing was kept"
        )


def _body(url: str, label: str) -> Iterator[bytes]:
    """Yields the body that `url` answers with, chunk by chunk, and shows the progress."""
    try:
        # S310: the scheme was checked to be http or https.
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
            length = response.headers.get("Content-Length", "")
            total = int(length) if length.isdecimal() else None
            received = 0
            with contextlib.closing(_Progress(label, total)) as progress:
                while chunk := response.read(CHUNK_BYTES):
                    received += len(chunk)
                    progress.show(received)
                    yield chunk
    except urllib.error.HTTPError as error:
        raise DataError(f"{url} answered {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        # urllib wraps what the socket said; the socket's own words are the clear ones.
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        words = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        raise DataError(f"{url} cannot be downloaded: {words}; check the network") from None
    if total is not None and received < total:
        raise DataError(
            f"{url} broke off after {received:,} of {total:,} bytes; nothing was kept: try again"
        )


class _Progress:
    """A bar on a terminal, else a line now and then."""

    def __init__(self, label: str, total: int | None) -> None:
        self._label = label
        self._total = total
        self._lines = 0
        self._bar = tqdm(
            desc=label, total=total, unit="B", unit_scale=True, disable=None, leave=False
        )

    def show(self, received: int) -> None:
        """Shows how many bytes have come."""
        if not self._bar.disable:
            self._bar.update(received - self._bar.n)
        elif self._total and received * PLAIN_LINES >= (self._lines + 1) * self._total:
            self._lines = received * PLAIN_LINES // self._total
            share = received / self._total
            print(f"{self._label}: {share:4.0%} of {self._total:,} bytes", file=sys.stderr)

    def close(self) -> None:
        """Removes the bar."""
        self._bar.close()
