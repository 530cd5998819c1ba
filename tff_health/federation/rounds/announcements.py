"""What the server tells parties beside secure sums: how a round ended, and that all are over."""

import time
from collections.abc import Callable, Collection

from crypto.parties import Party, describe
from crypto.session.apart.conductor import Session
from tff_health.federation.rounds.messages import CLOSE, END, TASK, RoundClosed, StudyEnded

_LOOK_EVERY = 0.25


class Announcements:
    """Tells parties of one study what is so, whatever they do.

    Args:
        asking: reaches them.
        study: its digest.
        parties: clients, and an authority or key holder if there is one.
        tell: is told, in a line for people, what goes on.
    """

    def __init__(
        self,
        asking: Session,
        study: bytes,
        parties: Collection[Party],
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._asking = asking
        self._study = study
        self._parties = frozenset(parties)
        self._tell = tell
        self._untold: frozenset[Party] = frozenset()
        self._end = b""

    def close(self, closed: RoundClosed) -> None:
        """Tells how a round ended, once that is kept. Who did not train in it ignores it."""
        self._say(CLOSE, closed.to_bytes(), self._parties)

    def end(self, rounds: int, model: bytes) -> None:
        """Tells that the study is over.

        Args:
            rounds: that there were.
            model: digest of the final weights.
        """
        self._end = StudyEnded(self._study, rounds, model).to_bytes()
        self._untold = self._parties - self._say(END, self._end, self._parties)

    def stay(self, seconds: float) -> frozenset[Party]:
        """Waits for those that were away when the study ended, and tells them when they come.

        Args:
            seconds: for which it waits at most.

        Returns:
            who has not been told.

        Raises:
            StoppedError: if the program is ending.
        """
        until = time.monotonic() + seconds
        if self._untold and seconds > 0:
            self._tell(
                f"the study is over, which {_names(self._untold)} cannot know yet: waiting up to "
                f"{seconds:g} seconds to tell; an interrupt loses nothing"
            )
        while self._untold and (left := until - time.monotonic()) > 0:
            if back := self._untold & self._asking.present:
                self._untold -= self._say(END, self._end, back)
            self._asking.wait(min(_LOOK_EVERY, left))
        if self._untold:
            self._tell(f"not told that the study is over: {_names(self._untold)}")
        return self._untold

    def _say(self, stage: str, data: bytes, parties: Collection[Party]) -> frozenset[Party]:
        """Tells parties something; returns those that have replied."""
        replied = set()
        for reply in self._asking.ask(TASK, stage, dict.fromkeys(parties, data)):
            replied.add(reply.party)
            if reply.refusal is not None:
                self._tell(f"{describe(reply.party)} refused: {reply.refusal}")
        return frozenset(replied)


def _names(parties: Collection[Party]) -> str:
    return ", ".join(sorted(map(describe, parties)))
