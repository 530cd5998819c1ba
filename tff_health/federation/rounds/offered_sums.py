"""What a site gives to the secure sums over what it computed on a model that it was offered."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crypto.protocols.quality_sum.parameters import Contribution
from crypto.protocols.verified_sum.stages import Stage
from crypto.session.apart.member import SUM, Expected, SumMember
from crypto.session.apart.participant import Call, Task
from crypto.session.messages import RoundInvitation
from tff_health.federation.rounds.messages import RoundOffer, RoundReady
from tff_health.federation.rounds.purpose import Purpose
from tff_health.secure_aggregation.sessions import SumSession


@dataclass(frozen=True)
class Ready:
    """What the site has computed.

    Attributes:
        round_id: in this round.
        binding: on this offer.
        tensors: what it contributes.
    """

    round_id: int
    binding: bytes
    tensors: Sequence[Any] = field(repr=False)


class OfferedSums:
    """Computes once on each offer, however often it comes, and has protocols' clients contribute.

    Args:
        purpose: of the offers.
        sessions: label -> a session of each round.
        members: label -> the client of its protocol.

    Attributes:
        ready: what was computed last; None if nothing was, or that failed.
    """

    def __init__(
        self,
        purpose: Purpose,
        sessions: Mapping[str, SumSession],
        members: Mapping[str, SumMember[Any]],
    ) -> None:
        self.ready: Ready | None = None
        self._members = members
        self._checked: set[str] = set()
        self._purpose = purpose
        self._sessions = sessions

    def answer(
        self,
        offer: RoundOffer,
        compute: Callable[[], Sequence[Any]],
        admit: Callable[[RoundInvitation], None],
    ) -> bytes:
        """Returns what the server is told once the site is ready for the sums.

        Args:
            offer: of the server.
            compute: returns a tensor for each slot; not called again for the same offer.
            admit: is shown each invitation, and may refuse it.
        """
        number, binding = offer.round_id, offer.binding(self._purpose)
        ready = self.ready
        if ready is None or (ready.round_id, ready.binding) != (number, binding):
            self.ready = None
            self._checked.clear()
            self.ready = ready = Ready(number, binding, compute())
        for label, session in self._sessions.items():
            give = _giving(session, ready, admit)
            self._members[label].expect(Expected(number, binding, give))
        return RoundReady(number, binding).to_bytes()

    @property
    def is_checked(self) -> bool:
        """Whether each sum of the last offer was found right, as only some protocols allow."""
        return self._checked == set(self._sessions)

    def tasks(self) -> dict[str, Task]:
        """Returns what a participant does for these sums."""
        found: dict[str, Task] = {}
        for label, member in self._members.items():
            found |= member.tasks(label)
            found[f"{label}/{SUM}"] = self._noting(label, found[f"{label}/{SUM}"])
        return found

    def _noting(self, label: str, task: Task) -> Task:
        """Returns a task that notes too whether its sum was found right."""

        def noting(call: Call) -> bytes | None:
            answer = task(call)
            if call.stage == Stage.VERIFICATION:
                self._checked.add(label)
            return answer

        return noting


def _giving(
    session: SumSession, ready: Ready, admit: Callable[[RoundInvitation], None]
) -> Callable[[RoundInvitation], Any]:
    def give(invitation: RoundInvitation) -> Any:
        admit(invitation)
        vector = session.vector(ready.tensors, len(invitation.cohort))
        quality = session.quality_of(ready.tensors)
        return vector if quality is None else Contribution(vector, quality)

    return give
