"""Real numbers as integers: the one encoding of model updates, with its laws.

With f fraction bits and clip range c, x becomes the integer nearest to x * 2^f, ties to even.

Laws, for finite x with |x| <= c and B = `bound` = round(c * 2^f):
  range       |encode(x)| <= B
  precision   |decode(encode(x)) - x| <= 2^-(f+1), and = 0 if x is a multiple of 2^-f
  symmetry    encode(-x) = -encode(x)
  sums        decode(sum_i w_i encode(x_i)) differs from sum_i w_i x_i by at most
              sum_i |w_i| 2^-(f+1)
  capacity    the sum over n clients with weights up to w is recovered from its residue modulo 2^k
              if n w B <= 2^(k-1) - 1

float32 input is widened to float64 first, which is exact; scaling by 2^f is exact as well. So the
only rounding is `rint`'s, and any implementation that rounds x * 2^f half to even, in either
precision, gives the same integers bit for bit.
"""

import math
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from crypto.encoding.residues import centred
from crypto.errors import CapacityError, OutOfRangeError, ParameterError
from crypto.primitives.prg import MAX_MODULUS_BITS

Floats: TypeAlias = NDArray[np.floating[Any]]

MAX_FRACTION_BITS: Final = 50
_EXACT_INTEGERS: Final = 2**53  # float64 holds every integer up to here


@dataclass(frozen=True)
class FixedPoint:
    """An encoding.

    Attributes:
        fraction_bits: f, 0 to 50.
        clip_range: c, the largest magnitude that is encoded; c * 2^f is at most 2^53.

    Raises:
        ParameterError: for values out of these ranges.
    """

    fraction_bits: int
    clip_range: float

    def __post_init__(self) -> None:
        if not 0 <= self.fraction_bits <= MAX_FRACTION_BITS:
            raise ParameterError(
                f"fraction_bits={self.fraction_bits} must lie in 0..{MAX_FRACTION_BITS}"
            )
        largest = _EXACT_INTEGERS / 2**self.fraction_bits
        if not 0 < self.clip_range <= largest:  # false for NaN too
            raise ParameterError(f"clip_range={self.clip_range} must be above 0, at most {largest}")

    @property
    def bound(self) -> int:
        """B, the largest magnitude of an encoded number."""
        return round(math.ldexp(self.clip_range, self.fraction_bits))

    def clip(self, values: Floats) -> tuple[Floats, int]:
        """Clip to the range and say how many coordinates were changed; clipping is never silent.

        Returns:
            The clipped values, of the dtype of `values`, and the number of coordinates changed.

        Raises:
            OutOfRangeError: if a value is not a number.
        """
        if np.isnan(values).any():
            raise OutOfRangeError("NaN cannot be clipped")
        limit = self._limit(values)
        changed = int(np.count_nonzero(np.abs(values) > limit))
        return np.clip(values, -limit, limit), changed

    def encode(self, values: Floats) -> NDArray[np.int64]:
        """Encode; run by a client on what it is about to contribute.

        Args:
            values: float32 or float64, any shape, finite, magnitude at most `clip_range`.

        Returns:
            int64 of the same shape, magnitude at most `bound`.

        Raises:
            ParameterError: for another dtype.
            OutOfRangeError: if a value is not finite or beyond the clip range.
        """
        limit = self._limit(values)
        outside = np.count_nonzero(~(np.abs(values) <= limit))
        if outside:
            raise OutOfRangeError(
                f"{outside} of {values.size} values are not finite or beyond {self.clip_range}"
            )
        scaled = np.ldexp(values.astype(np.float64), self.fraction_bits)
        return np.asarray(np.rint(scaled)).astype(np.int64)

    def decode(self, integers: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return integers * 2^-f as float64, exact up to magnitude 2^53."""
        return np.ldexp(integers.astype(np.float64), -self.fraction_bits)

    def required_bits(self, num_clients: int, max_weight: int = 1) -> int:
        """Return the smallest k for which sums over n clients are recovered from residues mod 2^k.

        Args:
            num_clients: n, 1 or more.
            max_weight: largest integer that a client multiplies its numbers with.

        Raises:
            CapacityError: if that k is above 62.
        """
        if num_clients < 1 or max_weight < 1:
            raise ParameterError(
                f"num_clients={num_clients} and max_weight={max_weight} must be at least 1"
            )
        bits = (num_clients * max_weight * self.bound).bit_length() + 1
        if bits > MAX_MODULUS_BITS:
            raise CapacityError(
                f"{num_clients} clients of weight {max_weight} and magnitude {self.bound} need "
                f"{bits} bits; {MAX_MODULUS_BITS} are there: lower fraction_bits or clip_range"
            )
        return bits

    def check_capacity(self, num_clients: int, modulus_bits: int, max_weight: int = 1) -> None:
        """Refuse, before any round, a modulus that sums could leave.

        Raises:
            CapacityError: if `modulus_bits` is below `required_bits(...)`.
        """
        needed = self.required_bits(num_clients, max_weight)
        if modulus_bits < needed:
            raise CapacityError(
                f"modulus_bits={modulus_bits} cannot hold the sum over {num_clients} clients of "
                f"weight {max_weight}: {needed} are needed"
            )

    def decode_sum(
        self, residues: NDArray[np.uint64], modulus_bits: int, num_clients: int, max_weight: int = 1
    ) -> NDArray[np.float64]:
        """Decode a sum over clients; run by the server.

        Args:
            residues: uint64, 0 to 2^k - 1, any shape.
            modulus_bits: k.
            num_clients: how many clients are in this sum.
            max_weight: as in `required_bits`.

        Returns:
            float64 of the same shape.

        Raises:
            CapacityError: if the modulus is too small, or if a coordinate is larger than honest
                clients can have made it: an overflow, or an input out of range.
        """
        self.check_capacity(num_clients, modulus_bits, max_weight)
        signed = centred(residues, modulus_bits)
        largest = num_clients * max_weight * self.bound
        beyond = int(np.count_nonzero(np.abs(signed) > largest))
        if beyond:
            raise CapacityError(
                f"{beyond} of {signed.size} coordinates of the sum exceed {largest} in magnitude, "
                f"which {num_clients} clients within the clip range cannot reach"
            )
        return self.decode(signed)

    def _limit(self, values: Floats) -> np.floating[Any]:
        """Return the largest number of the values' own dtype within the clip range."""
        if values.dtype not in (np.float32, np.float64):
            raise ParameterError(f"values must be float32 or float64, not {values.dtype}")
        limit = values.dtype.type(self.clip_range)
        # As Python's float: numpy 2 would round the clip range to the dtype before it compares.
        if float(limit) > self.clip_range:
            limit = np.nextafter(limit, values.dtype.type(0))
        return limit
