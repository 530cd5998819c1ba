"""A site's part in training rounds: it trains when it is asked, if its own rules allow it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from crypto.errors import PolicyError, blaming
from crypto.parties import SERVER, ClientId
from crypto.session.apart.participant import Call, Task
from crypto.session.messages import RoundInvitation
from tff_health.errors import TffHealthError
from tff_health.federation.rounds.messages import (
    CLOSE,
    END,
    TASK,
    TRAIN,
    VALIDATE,
    RoundClosed,
    RoundOffer,
    StudyEnded,
)
from tff_health.federation.rounds.offered_sums import OfferedSums


class Training(Protocol):
    """What a site computes."""

    def contribute(self, model: bytes, round_number: int) -> Sequence[Any]:
        """Trains on this site's data.

        Args:
            model: weights, as `ModelWeights.to_bytes` writes them.
            round_number: from 1.

        Returns:
            a tensor for each slot of the round.
        """
        ...

    def validate(self, model: bytes) -> Sequence[Any]:
        """Measures a model on what this site has put aside; arguments and result as above."""
        ...

    def keep(self, round_number: int) -> None:
        """Is told that what was contributed is in the round's sum."""
        ...


class Rules(Protocol):
    """What a site allows; each refuses with an error for people."""

    def check_round(self, round_number: int) -> None:
        """Notes, for ever, that a round is to be trained, or refuses it."""
        ...

    def check_cohort(self, size: int, threshold: int) -> None:
        """Refuses a secure sum over too few clients."""
        ...

    def summed(self, round_number: int, *, is_checked: bool) -> None:
        """Is told that a round has counted, with this site in its sum.

        Args:
            round_number: of the round.
            is_checked: whether the site has found all its sums right.
        """
        ...


class Watcher(Protocol):
    """Is told how rounds go: for the site's log, and its evidence."""

    def offered(self, offer: RoundOffer) -> None:
        """The server has shown a model to train on."""
        ...

    def training(self, round_number: int) -> None:
        """The site begins to train."""
        ...

    def invited(self, cohort: tuple[ClientId, ...]) -> None:
        """The site is invited to a secure sum with these clients, and accepts."""
        ...

    def told(self, closed: RoundClosed) -> None:
        """The server says how a round ended, in which the site may have had no part."""
        ...

    def trained(self, round_number: int) -> None:
        """It has trained."""
        ...

    def closed(self, round_number: int, closed: RoundClosed) -> None:
        """The server says how the round ended."""
        ...

    def ended(self, ended: StudyEnded) -> None:
        """The server says that the study is over."""
        ...


class SiteRounds:
    """Trains, and validates, when it is asked to; protocols' clients contribute what came of it.

    The same offer is trained on once, however often it comes: after a lost connection, or from a
    server that was started anew.

    Args:
        client: the site's number.
        study: digest of the study, as the site has it.
        trained: the sums over what it has trained.
        training: what the site computes.
        rules: what it allows.
        watcher: is told how rounds go.
        validated: the sums over what it has found in validation; None to refuse that.
    """

    def __init__(
        self,
        client: ClientId,
        study: bytes,
        trained: OfferedSums,
        training: Training,
        rules: Rules,
        watcher: Watcher,
        validated: OfferedSums | None = None,
    ) -> None:
        self._client = client
        self._study = study
        self._trained = trained
        self._validated = validated
        self._training = training
        self._rules = rules
        self._watcher = watcher

    def tasks(self) -> dict[str, Task]:
        """Returns what a participant does for this site."""
        found: dict[str, Task] = {TASK: self._answer}
        for sums in (self._trained, self._validated):
            found |= sums.tasks() if sums else {}
        return found

    def _answer(self, call: Call) -> bytes | None:
        steps: Mapping[str, Callable[[bytes], bytes | None]] = {
            TRAIN: self._train,
            VALIDATE: self._validate,
            CLOSE: self._close,
            END: self._end,
        }
        if call.stage not in steps:
            raise PolicyError(f"no stage of a round is called {call.stage!r}", SERVER)
        return steps[call.stage](call.data)

    def _train(self, data: bytes) -> bytes:
        offer = self._offer(data)

        def train() -> Sequence[Any]:
            number = offer.round_id
            self._ask(lambda: self._rules.check_round(number))
            self._watcher.offered(offer)
            self._watcher.training(number)
            tensors = self._training.contribute(offer.model, number)
            self._watcher.trained(number)
            return tensors

        def admit(invitation: RoundInvitation) -> None:
            self._admit(invitation)
            self._watcher.invited(invitation.cohort)

        return self._trained.answer(offer, train, admit)

    def _validate(self, data: bytes) -> bytes:
        if self._validated is None:
            raise PolicyError("validation, of which the study has none", SERVER)
        offer = self._offer(data)
        return self._validated.answer(
            offer, lambda: self._training.validate(offer.model), self._admit
        )

    def _offer(self, data: bytes) -> RoundOffer:
        with blaming(SERVER):
            offer = RoundOffer.from_bytes(data)
        if offer.study != self._study:
            raise PolicyError("a round of another study", SERVER)
        return offer

    def _admit(self, invitation: RoundInvitation) -> None:
        size, threshold = len(invitation.cohort), threshold_of(invitation)
        self._ask(lambda: self._rules.check_cohort(size, threshold))

    def _close(self, data: bytes) -> bytes | None:
        with blaming(SERVER):
            closed = RoundClosed.from_bytes(data)
        self._watcher.told(closed)
        ready = self._trained.ready
        if ready is None or (ready.round_id, ready.binding) != (closed.round_id, closed.binding):
            return None  # it did not train then, or has been started anew since
        if self._client in closed.survivors:
            self._training.keep(closed.round_id)
            self._rules.summed(closed.round_id, is_checked=self._trained.is_checked)
        self._watcher.closed(closed.round_id, closed)
        return None

    def _end(self, data: bytes) -> bytes | None:
        self._watcher.ended(StudyEnded.of_study(data, self._study))
        return None

    @staticmethod
    def _ask(rule: Callable[[], None]) -> None:
        """Asks a rule; what it says is told to the server, whose operator has to know."""
        try:
            rule()
        except TffHealthError as error:
            raise PolicyError(f"this site's rules: {error}", SERVER) from error


def threshold_of(invitation: RoundInvitation) -> int:
    """Returns the fewest clients over whom a session's sum can be opened.

    Protocols with a key holder say nothing of it: they open the sum over all clients or none.
    """
    parameters = getattr(invitation, "parameters", None)
    for name in ("min_survivors", "threshold"):
        if (found := getattr(parameters, name, None)) is not None:
            return int(found)
    return len(invitation.cohort)
