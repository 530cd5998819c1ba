"""Independent random streams for the steps of an experiment.

For experiments only: keys never come from here.
"""

import zlib

import numpy as np


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Returns the stream of `purpose` (e.g. "partition") under the experiment's `seed`.

    Streams of different purposes are independent, so that, say, another partition leaves the
    split as it was.
    """
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])
