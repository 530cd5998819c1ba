"""The key that lots and noise of private training are drawn with.

Whoever knows it can take the noise away. So it comes from the operating system, unless a run is to
be repeated; it is kept among the run's scratch files, readable by its user alone, so that a run
that was killed goes on with the same noise; and it is deleted with them.
"""

import hashlib
import os
import secrets
from pathlib import Path

import numpy as np

from tff_health.errors import RunError

_BYTES = 16


def noise_key(path: Path, seed: int, is_begun: bool = False) -> tuple[int, int]:
    """Returns the key of a run, two int64.

    Args:
        path: where it is kept, with its digest; made if there is none.
        seed: 0 or more to draw it from that; -1 for the operating system.
        is_begun: whether the run has rounds that were trained with it.

    Raises:
        RunError: if it is damaged, or missing though rounds were trained with it.
    """
    if seed >= 0:
        words = np.random.SeedSequence([seed, _BYTES]).generate_state(2, np.uint64)
        return _pair(words.tobytes())
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() and not is_begun:
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            key = secrets.token_bytes(_BYTES)
            file.write(key + _check(key))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _lost(path, str(error.strerror)) from None
    if len(data) < _BYTES or data[_BYTES:] != _check(data[:_BYTES]):
        raise _lost(path, "damaged")
    return _pair(data[:_BYTES])


def _check(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def _lost(path: Path, reason: str) -> RunError:
    return RunError(
        f"{path}, from which the run draws its noise, cannot be used ({reason}): start anew in "
        "another folder, or delete this one"
    )


def _pair(data: bytes) -> tuple[int, int]:
    first, second = np.frombuffer(data, "<i8").tolist()
    return first, second
