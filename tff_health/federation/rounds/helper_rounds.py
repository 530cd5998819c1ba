"""The part of an authority, or key holder, in rounds beside its protocol: it is told of them."""

from collections.abc import Callable

from crypto.errors import PolicyError, blaming
from crypto.parties import SERVER
from crypto.session.apart.participant import Call, Task
from tff_health.federation.rounds.messages import CLOSE, END, TASK, RoundClosed, StudyEnded


class HelperRounds:
    """Takes what the server announces.

    Args:
        study: digest of the study, as this party has it.
        closed: is told how a round ended.
        ended: is told that the study is over.
    """

    def __init__(
        self,
        study: bytes,
        closed: Callable[[RoundClosed], None],
        ended: Callable[[StudyEnded], None],
    ) -> None:
        self._study = study
        self._closed = closed
        self._ended = ended

    def tasks(self) -> dict[str, Task]:
        """Returns what a participant does for this party."""
        return {TASK: self._answer}

    def _answer(self, call: Call) -> None:
        if call.stage == CLOSE:
            with blaming(SERVER):
                closed = RoundClosed.from_bytes(call.data)
            self._closed(closed)
        elif call.stage == END:
            self._ended(StudyEnded.of_study(call.data, self._study))
        else:
            raise PolicyError(f"{call.stage!r} is nothing that is asked of this party", SERVER)
