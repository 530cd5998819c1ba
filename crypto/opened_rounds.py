"""What keeps an update to one opened sum: who gave it once gives it in no other session.

Two sums over the same updates that differ by one client are that client's update. So a round is
run again only as long as nobody has given what opens its sum.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from crypto.errors import OpenedRoundError, ParameterError
from crypto.parties import SERVER
from crypto.secure_sum import SessionAbortedError


class OpenedRounds:
    """The rounds in which one client has given what opens a sum, for as long as it lives.

    The client of each protocol has its own: sums that a round has by several protocols are one
    each.
    """

    def __init__(self) -> None:
        self._sessions: dict[int, bytes] = {}

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
        opened_by = self.rounds._sessions.get(self.round_id, self.session_id)
        if opened_by != self.session_id:
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
        self.rounds._sessions[self.round_id] = self.session_id


class OncePerRound:
    """Keeps whoever runs sessions from offering a second one of a round that may be opened."""

    def __init__(self) -> None:
        self._opened: set[int] = set()

    @contextmanager
    def session(self, round_id: int) -> Iterator[None]:
        """Run one session inside.

        Args:
            round_id: the training round.

        Raises:
            ParameterError: if the sum of this round was opened, or may have been.
        """
        if round_id in self._opened:
            raise ParameterError(
                f"round_id={round_id}: the sum of this round was opened, or may have been; a "
                "second one would tell single clients' updates, so the round is lost"
            )
        try:
            yield
        except SessionAbortedError as error:
            if error.may_be_opened:
                self._opened.add(round_id)
            raise
        self._opened.add(round_id)
