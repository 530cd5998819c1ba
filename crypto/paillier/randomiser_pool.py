"""Randomisers of ciphertexts made ahead, so that an upload waits for short multiplications only.

Who knows a ciphertext's randomiser knows its plaintext, and two ciphertexts with one randomiser
tell the difference of theirs. So a randomiser leaves the pool when it is taken and is kept in
memory alone; a pool is not encoded, and processes that are forked begin with an empty one.
"""

import os
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import BinaryIO, Final, NoReturn

import gmpy2

from crypto.errors import LostWorkerError
from crypto.paillier.randomiser_table import RandomiserTable
from crypto.processes import reading_from
from crypto.randomness import SYSTEM, Randomness

_POOLS: Final["weakref.WeakSet[RandomiserPool]"] = weakref.WeakSet()


class RandomiserPool:
    """Randomisers of one table.

    Args:
        table: what makes them.
    """

    def __init__(self, table: RandomiserTable) -> None:
        self._table = table
        self._ready: deque[gmpy2.mpz] = deque()
        _POOLS.add(self)

    def __len__(self) -> int:
        return len(self._ready)

    def __reduce__(self) -> NoReturn:
        raise TypeError("randomisers that were made ahead stay in this process")

    def fill(
        self,
        count: int,
        randomness: Randomness = SYSTEM,
        *,
        cores: int = 1,
        clock: Callable[[], float] = time.perf_counter,
    ) -> float:
        """Make randomisers, so that there are `count`.

        Args:
            count: how many there are to be.
            randomness: where their exponents come from.
            cores: in how many processes; other sources than the system's stay in this one.
            clock: seconds.

        Returns:
            Seconds that all processes together took, by the clock.

        Raises:
            LostWorkerError: if a process has died; those of the others are thrown away.
        """
        missing = max(0, count - len(self._ready))
        if cores == 1 or randomness is not SYSTEM:
            start = clock()
            self._ready.extend(self._make(randomness) for _ in range(missing))
            return clock() - start
        return self._fill_in_processes(missing, cores, clock)

    def encrypt(self, plaintext: int, randomness: Randomness = SYSTEM) -> int:
        """Return a ciphertext, with a randomiser that was made ahead if there is one."""
        if self._ready:
            return self._table.blind(plaintext, self._ready.popleft())
        return self._table.encrypt(plaintext, randomness.bytes(self._table.exponent_bytes))

    def forget(self) -> None:
        """Throw all away."""
        self._ready.clear()

    def _make(self, randomness: Randomness) -> gmpy2.mpz:
        return gmpy2.mpz(self._table.encrypt(0, randomness.bytes(self._table.exponent_bytes)))

    def _fill_in_processes(self, count: int, cores: int, clock: Callable[[], float]) -> float:
        size = self._table.ciphertext_bytes

        def write(share: int, to: BinaryIO) -> None:
            start = clock()
            made = [int(self._make(SYSTEM)).to_bytes(size, "little") for _ in range(share)]
            to.write(b"".join(made) + int(1e6 * (clock() - start)).to_bytes(8, "little"))

        shares = [len(range(core, count, cores)) for core in range(cores)]
        made: list[gmpy2.mpz] = []
        seconds = 0.0
        with ExitStack() as stack:
            readers = [stack.enter_context(reading_from(partial(write, n))) for n in shares]
            for share, reader in zip(shares, readers, strict=True):
                data = reader.read()
                if len(data) != share * size + 8:
                    raise LostWorkerError("a process that made randomisers has ended")
                made += [
                    gmpy2.mpz(int.from_bytes(data[i : i + size], "little"))
                    for i in range(0, share * size, size)
                ]
                seconds += int.from_bytes(data[-8:], "little") / 1e6
        self._ready.extend(made)
        return seconds


def _forget_all() -> None:
    for pool in _POOLS:
        pool.forget()


os.register_at_fork(after_in_child=_forget_all)
