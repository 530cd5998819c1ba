"""The key that lots and noise of private training are drawn with.

Whoever knows it can take the noise away. So it comes from the operating system, unless a run is to
be repeated; it is kept among the run's scratch files, readable by its user alone, so that a run
that was killed goes on with the same noise; and it is deleted with them.
"""

import os
import secrets
from pathlib import Path

import numpy as np

_BYTES = 16


def noise_key(path: Path, seed: int) -> tuple[int, int]:
    """Returns the key of a run, two int64.

    Args:
        path: where it is kept; made if there is none.
        seed: 0 or more to draw it from that; -1 for the operating system.
    """
    if seed >= 0:
        words = np.random.SeedSequence([seed, _BYTES]).generate_state(2, np.uint64)
        return _pair(words.tobytes())
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    return _pair(path.read_bytes())


def _pair(data: bytes) -> tuple[int, int]:
    first, second = np.frombuffer(data, "<i8").tolist()
    return first, second
