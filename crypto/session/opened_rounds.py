"""What keeps an update to one opened sum: who gave it once gives it in no other session.

Two sums over the same updates that differ by one client are that client's update. So a round is
run again only as long as nobody has given what opens its sum.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from crypto.encoding.residues import IntegerVector
from crypto.errors import OpenedRoundError, ParameterError
from crypto.parties import SERVER, ClientId
from crypto.session.secure_sum import SessionAbortedError


class Journal(Protocol):
    """Keeps which session has opened the sum of which round, for one client of one protocol."""

    def opened(self, round_id: int) -> bytes | None:
        """Return the session that has opened a round's sum, as far as this client gave to it."""
        ...

    def record(self, round_id: int, session_id: bytes) -> None:
        """Keep that a session opens a round's sum; returns once that is as durable as can be."""
        ...


class MemoryJournal:
    """A journal that lives as long as its process."""

    def __init__(self) -> None:
        self._sessions: dict[int, bytes] = {}

    def opened(self, round_id: int) -> bytes | None:
        """Return the session that has opened a round's sum."""
        return self._sessions.get(round_id)

    def record(self, round_id: int, session_id: bytes) -> None:
        """Keep that a session opens a round's sum."""
        self._sessions[round_id] = session_id


class OpenedRounds:
    """The rounds in which one client has given what opens a sum, for as long as its journal lives.

    The client of each protocol has its own: sums that a round has by several protocols are one
    each.

    Args:
        journal: where they are kept; None: in memory.

    Attributes:
        journal: as given.
    """

    def __init__(self, journal: Journal | None = None) -> None:
        self.journal: Journal = MemoryJournal() if journal is None else journal

    def opening(self, round_id: int, session_id: bytes) -> "Opening":
        """Return what this client asks before it uploads, and tells before it opens.

        Args:
            round_id: the training round, whose update the session sums.
            session_id: the session.

        Raises:
            OpenedRoundError: as `Opening.check`.
        """
        opening = Opening(self, round_id, session_id)
        opening.check()
        return opening


@dataclass(frozen=True)
class Opening:
    """One session of one client, held against the rounds in which it has opened a sum.

    Attributes:
        rounds: those of the client.
        round_id: the training round.
        session_id: the session.
    """

    rounds: OpenedRounds
    round_id: int
    session_id: bytes

    def check(self) -> None:
        """Refuse to go on if another session may have opened the sum of the same round.

        Raises:
            OpenedRoundError: naming the server.
        """
        if self.rounds.journal.opened(self.round_id) not in (None, self.session_id):
            raise OpenedRoundError(
                f"a second sum of round {self.round_id}, of which this client has opened one",
                SERVER,
            )

    def take(self) -> None:
        """Note that the client gives what opens the sum; called before it leaves the client.

        Raises:
            OpenedRoundError: as `check`.
        """
        self.check()
        self.rounds.journal.record(self.round_id, self.session_id)


class OncePerRound:
    """Keeps whoever runs sessions from offering an update to a second sum when one may be opened.

    That is a second session of a round with any of its clients, and after a session that was
    aborted when its sum could have been opened, also a session under another number to which a
    client gives the same vector.
    """

    def __init__(self) -> None:
        self._opened: dict[int, set[ClientId]] = {}
        self._lost: dict[ClientId, _Residues] = {}

    @contextmanager
    def session(
        self, round_id: int, vectors: Mapping[ClientId, IntegerVector], modulus_bits: int
    ) -> Iterator[None]:
        """Run one session inside.

        Args:
            round_id: the training round.
            vectors: what each client gives. Of a session that is lost they are kept until the
                client has given something else. Zeros everywhere tell nothing and are not kept.
                Empty if nobody here has seen them: then the session is that of all clients.
            modulus_bits: k of their residues; 64 if they are summed over the integers.

        Raises:
            ParameterError: if a sum of this round with any of these clients was opened, or may have
                been, or a client gives the same vector as in a session that was lost.
        """
        opened = self._opened.get(round_id)
        if opened is not None and (not opened or not vectors or opened & vectors.keys()):
            raise ParameterError(
                f"round_id={round_id}: the sum of this round was opened, or may have been; a "
                "second one would tell single clients' updates, so the round is lost"
            )
        given = {client: _Residues(vector, modulus_bits) for client, vector in vectors.items()}
        for client, residues in given.items():
            if client in self._lost and residues.repeats(self._lost[client]):
                raise ParameterError(
                    f"client {client} gives the same vector as in an aborted session whose sum may "
                    "have been opened; a second sum of it would tell single clients' updates: "
                    "train a new update, or leave the client out"
                )
        try:
            yield
        except SessionAbortedError as error:
            if error.may_be_opened:
                self._opened.setdefault(round_id, set()).update(vectors)
                self._lost |= {c: r.kept() for c, r in given.items() if r.is_told()}
            raise
        self._opened.setdefault(round_id, set()).update(vectors)
        for client in [client for client in self._lost if client in given]:
            if given[client].is_told():
                del self._lost[client]


@dataclass(frozen=True)
class _Residues:
    """A vector as it is summed.

    Attributes:
        vector: shape (m,), integers of 32 or 64 bits.
        bits: k; two vectors are the same if they are so modulo the smaller 2^k of both.
    """

    vector: IntegerVector
    bits: int

    def repeats(self, other: "_Residues") -> bool:
        """Tell whether both are the same vector, and not zero everywhere."""
        bits = min(self.bits, other.bits)
        mine, others = self._modulo(bits), other._modulo(bits)
        return bool(mine.any()) and np.array_equal(mine, others)

    def is_told(self) -> bool:
        """Tell whether a sum with it differs from one without."""
        return bool(self._modulo(self.bits).any())

    def kept(self) -> "_Residues":
        """Return a copy, which its owner cannot change."""
        return _Residues(self._modulo(self.bits), self.bits)

    def _modulo(self, bits: int) -> NDArray[np.uint64]:
        return self.vector.astype(np.uint64) & np.uint64((1 << bits) - 1)
