"""What the server, a site and an authority write into their transcripts while a study runs."""

import hashlib
import time
from collections.abc import Callable, Mapping

from crypto.parties import ClientId
from crypto.session.apart.participant import Call, Task
from crypto.session.opened_rounds import Journal
from tff_health.federation.carrier.limits import Traffic
from tff_health.federation.evidence.entries import SUMMED, RoundSessions
from tff_health.federation.evidence.transcript import Transcript
from tff_health.federation.rounds.messages import RoundClosed
from tff_health.federation.rounds.server_rounds import RoundSums

_MOST = 300


class ServerEvidence:
    """Writes the server's transcript: each round once, when its state is kept.

    Args:
        transcript: the file, open.
        study: digest of the study.
        registry: returns the digest of the registry in force.
        protocols: of the study's secure sums.
    """

    def __init__(
        self,
        transcript: Transcript,
        study: bytes,
        registry: Callable[[], bytes],
        protocols: tuple[str, ...],
    ) -> None:
        self._transcript = transcript
        self._study = study
        self._registry = registry
        self._sessions = tuple((name, b"") for name in sorted(protocols))
        self._pending: RoundSessions | None = None

    def summed(
        self,
        round_id: int,
        done: RoundSums,
        models: tuple[bytes, bytes],
        epsilon: float | None,
        traffic: tuple[int, int],
    ) -> None:
        """Takes what is known of a round whose state is not kept yet.

        Args:
            round_id: its number.
            done: its sums.
            models: digests of the model before and after it.
            epsilon: spent by the client that spent most; None without differential privacy.
            traffic: bytes up and down.
        """
        self._pending = RoundSessions(
            study=self._study,
            registry=self._registry(),
            round_id=round_id,
            binding=done.binding,
            sessions=self._sessions,
            cohort=done.cohort,
            survivors=done.survivors,
            outcome=_printable(done.lost) or SUMMED,
            model_before=models[0],
            model_after=models[1],
            epsilon=epsilon,
            bytes_up=traffic[0],
            bytes_down=traffic[1],
        )

    def kept(self, closed: RoundClosed) -> None:
        """Writes a round whose state is kept; without effect if it is written already.

        Args:
            closed: how it ended. If the program was killed in between, that is all there is.
        """
        if _tells_of(self._transcript, self._study, closed.round_id):
            return
        told, self._pending = self._pending, None
        if told is None or told.round_id != closed.round_id:
            told = _as_told(closed, self._study, self._registry(), self._sessions, Traffic())
        self._transcript.add(told, time.time())

    def close(self) -> None:
        """Lets another program open the transcript."""
        self._transcript.close()


class SiteEvidence:
    """Writes a site's transcript: each round once, when the server says how it ended.

    Args:
        transcript: the file, open.
        study: digest of the study.
        registry: digest of the registry that the site has pinned.
        journals: protocol -> the journal of its client.
        spent: returns the epsilon that the study has spent; None without differential privacy.
        traffic: counts the site's messages.
    """

    def __init__(
        self,
        transcript: Transcript,
        study: bytes,
        registry: bytes,
        journals: Mapping[str, Journal],
        spent: Callable[[], float | None],
        traffic: Traffic,
    ) -> None:
        self._transcript = transcript
        self._study = study
        self._registry = registry
        self._journals = journals
        self._spent = spent
        self._traffic = traffic
        self._counted = Traffic()
        self._shown: tuple[int, bytes, bytes] | None = None
        self._cohort: tuple[ClientId, ...] | None = None

    def shown(self, round_id: int, binding: bytes, model: bytes) -> None:
        """Notes which model the site was shown.

        Args:
            round_id: of the round.
            binding: of the server's offer.
            model: digest of the weights.
        """
        self._shown, self._cohort = (round_id, binding, model), None

    def invited(self, cohort: tuple[ClientId, ...]) -> None:
        """Notes with whom the site was invited to a sum of this round."""
        self._cohort = cohort

    def told(self, closed: RoundClosed) -> None:
        """Writes how a round ended, as the server says, if the site had a part in it."""
        round_id = closed.round_id
        opened = {name: one.opened(round_id) or b"" for name, one in self._journals.items()}
        shown = self._shown if self._shown and self._shown[0] == round_id else None
        if _tells_of(self._transcript, self._study, round_id) or not (
            shown or any(opened.values())
        ):
            return
        told = RoundSessions(
            study=self._study,
            registry=self._registry,
            round_id=round_id,
            binding=shown[1] if shown else closed.binding,
            sessions=tuple(sorted(opened.items())),
            cohort=self._cohort if shown else None,
            survivors=closed.survivors,
            outcome="lost" if closed.is_lost else SUMMED,
            model_before=shown[2] if shown else None,
            model_after=closed.model,
            epsilon=self._spent(),
            bytes_up=self._traffic.sent - self._counted.sent,
            bytes_down=self._traffic.received - self._counted.received,
        )
        self._transcript.add(told, time.time())
        self._counted = Traffic(self._traffic.sent, self._traffic.received)

    def close(self) -> None:
        """Lets another program open the transcript."""
        self._transcript.close()


class HelperEvidence:
    """Writes the transcript of an authority, or key holder: each round once, when it has ended.

    Args:
        transcript: the file, open.
        study: digest of the study.
        registry: digest of the registry that the party has pinned.
        traffic: counts its messages.
    """

    def __init__(
        self, transcript: Transcript, study: bytes, registry: bytes, traffic: Traffic
    ) -> None:
        self._transcript = transcript
        self._study = study
        self._registry = registry
        self._traffic = traffic
        self._counted = Traffic()
        self._done: dict[str, bytes] = {}

    def noting(self, tasks: Mapping[str, Task]) -> dict[str, Task]:
        """Returns tasks that do the same, and note what they were asked and did."""

        def noted(name: str, task: Task) -> Task:
            def work(call: Call) -> bytes | None:
                answer = task(call)
                before = self._done.get(name, b"")
                asked = hashlib.sha256(call.data).digest()
                self._done[name] = hashlib.sha256(before + asked).digest()
                return answer

            return work

        return {name: noted(name, task) for name, task in tasks.items()}

    def told(self, closed: RoundClosed) -> None:
        """Writes how a round ended, as the server says, and what was done since the last."""
        if _tells_of(self._transcript, self._study, closed.round_id):
            return
        traffic = Traffic(
            self._traffic.sent - self._counted.sent, self._traffic.received - self._counted.received
        )
        done = tuple(sorted(self._done.items()))
        told = _as_told(closed, self._study, self._registry, done, traffic)
        self._transcript.add(told, time.time())
        self._counted = Traffic(self._traffic.sent, self._traffic.received)
        self._done.clear()

    def close(self) -> None:
        """Lets another program open the transcript."""
        self._transcript.close()


def _as_told(
    closed: RoundClosed,
    study: bytes,
    registry: bytes,
    sessions: tuple[tuple[str, bytes], ...],
    traffic: Traffic,
) -> RoundSessions:
    """An entry of who knows of a round's model and clients only what was told at its end."""
    return RoundSessions(
        study=study,
        registry=registry,
        round_id=closed.round_id,
        binding=closed.binding,
        sessions=sessions,
        cohort=None,
        survivors=closed.survivors,
        outcome="lost" if closed.is_lost else SUMMED,
        model_before=None,
        model_after=closed.model,
        epsilon=None,
        bytes_up=traffic.sent,
        bytes_down=traffic.received,
    )


def _tells_of(transcript: Transcript, study: bytes, round_id: int) -> bool:
    return any(entry.told.name == (study, round_id) for entry in reversed(transcript.entries))


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:_MOST]
