"""A natural number as the sum of four squares (Lagrange 1770)."""

from math import isqrt
from typing import Final

from crypto.errors import ParameterError

_SMALL: Final = 4096


def four_squares(number: int) -> tuple[int, int, int, int]:
    """Return four integers, not negative, whose squares add up to a number.

    The two largest are taken close to the root of what is left, so that few pairs are tried for the
    rest; numbers that 4 divides, which can have few such sums, are done by their quarter. How long
    it takes depends on the number.

    Raises:
        ParameterError: for a negative number.
    """
    if number < 0:
        raise ParameterError(f"number={number} is below 0, and squares are not")
    if number and number % 4 == 0:
        a, b, c, d = four_squares(number // 4)
        return 2 * a, 2 * b, 2 * c, 2 * d
    for first in range(isqrt(number), -1, -1):
        left = number - first**2
        if number > _SMALL and (left % 4 == 0 or left % 8 == 7):
            continue  # no sum of three squares (Legendre 1798), or of few
        for second in range(isqrt(left), -1, -1):
            rest = left - second**2
            if 3 * rest > 2 * left:
                break  # the second would not be the second largest
            if pair := _two_squares(rest):
                return first, second, *pair
    raise AssertionError(number)  # Lagrange's theorem is false


def _two_squares(number: int) -> tuple[int, int] | None:
    third = isqrt(number)
    while 2 * third**2 >= number:
        fourth = isqrt(number - third**2)
        if third**2 + fourth**2 == number:
            return third, fourth
        third -= 1
    return None
