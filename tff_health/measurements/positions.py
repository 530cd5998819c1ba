"""Positions in a model, as they would be sent."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crypto.encoding.position_coding import encode


def positions_bytes(positions: NDArray[np.integer[Any]], size: int) -> int:
    """Returns the length of encoded positions.

    Args:
        positions: integers (k,), each once, 0 to size - 1, in any order.
        size: of the vector.
    """
    return len(encode(np.sort(positions).astype(np.int64), size))
