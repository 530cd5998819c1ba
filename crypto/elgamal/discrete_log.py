"""Bounded discrete logarithms: which m, 0 to a bound known beforehand, has generator^m = y?

Baby-step giant-step with a table that is made once and kept: it has many more baby steps than the
square root of the bound, so that a search takes few giant steps. `log_table` makes the table and
keeps it on disk.

Source: Shanks 1971; the log_2 of equations (11) and (23) of the paper.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Generic

import numpy as np

from crypto.elgamal.log_table import Keys, LogTable, load_or_build, table_key
from crypto.errors import CapacityError, ParameterError
from crypto.groups.base import Element, Group

MAX_BOUND: Final = 2**40
_BATCH: Final = 256


class DiscreteLog(Generic[Element]):
    """Finds logarithms to the base of a group's generator.

    Args:
        group: in which group.
        bound: the largest logarithm to be found, 0 to 2^40. It decides the size of the table, at
            most 16 MB; up to 2^32 a search takes 0.1 s or less.
        cache_dir: where tables are kept between runs; None keeps this one in memory only.

    Raises:
        ParameterError: for an impossible bound.
    """

    def __init__(self, group: Group[Element], bound: int, cache_dir: Path | None = None) -> None:
        if not 0 <= bound <= MAX_BOUND:
            raise ParameterError(f"bound={bound} must lie in 0..2^40")
        self.group = group
        self.bound = bound
        self.table: LogTable = load_or_build(group, _table_bits(group, bound), cache_dir)
        # A table that does not tell an element from its inverse covers -n + 1 to n - 1.
        self._reach = self.table.steps - 1 if group.pairs_inverses else 0
        self._stride = self.table.steps + self._reach

    def solve(self, element: Element) -> int:
        """Return the m with generator^m = element.

        Args:
            element: an element of the group.

        Raises:
            CapacityError: if there is none in 0..bound: the sum was larger than foreseen, or the
                ciphertext, or a partial decryption, was no honest one.
        """
        generator_to = self.group.generator_power
        for start, keys in self._giant_steps(element):
            for offset, index in self.table.find(keys):
                middle = (start + offset) * self._stride + self._reach
                for candidate in {middle + index, middle - index}:
                    if 0 <= candidate <= self.bound and generator_to(candidate) == element:
                        return candidate
        raise CapacityError(f"no logarithm in 0..{self.bound}")

    def _giant_steps(self, element: Element) -> Iterator[tuple[int, Keys]]:
        """Yield batches: the first step, and the keys of element g^-(step stride + reach)."""
        group, steps = self.group, self.bound // self._stride + 1
        back = group.invert(group.generator_power(self._stride))
        here = group.multiply(element, group.invert(group.generator_power(self._reach)))
        for start in range(0, steps, _BATCH):
            count = min(_BATCH, steps - start)
            keys = np.empty(count, np.uint64)
            for i in range(count):
                keys[i] = table_key(group, here)
                here = group.multiply(here, back)
            yield start, keys


def solve_slowly(group: Group[Element], element: Element, bound: int) -> int:
    """Return what `DiscreteLog.solve` does, by trying all: the twin that tests hold it against.

    Raises:
        CapacityError: if there is no logarithm in 0..bound.
    """
    power = group.identity
    for candidate in range(bound + 1):
        if power == element:
            return candidate
        power = group.multiply(power, group.generator)
    raise CapacityError(f"no logarithm in 0..{bound}")


def _table_bits(group: Group[Element], bound: int) -> int:
    """Return the binary logarithm of the number of baby steps.

    Thirty-two times the square root of the bound, up to what is built in seconds: a step costs 1
    to 4 microseconds in safe-prime groups, where it doubles a number, and 8 to 20 on curves.
    """
    return min((bound.bit_length() + 1) // 2 + 5, 19 if group.pairs_inverses else 21)
