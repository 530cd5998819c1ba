"""The channel between a server and the parties of one session that are apart from it."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from crypto.errors import AbortError, ProtocolError
from crypto.parties import AUTHORITY, SERVER, ClientId, Party
from crypto.session.apart.conductor import Reply, Session
from crypto.session.apart.delivery_messages import MessageType as DeliveryMessageType
from crypto.session.cost_record import CostRecord
from crypto.session.exchange import Exchange, Opening, Receive, TakeDealt
from crypto.session.secure_sum import Refusal, SessionAbortedError
from crypto.wire import message_names


class ApartChannel(CostRecord):
    """Carries the messages of one session, and records what it costs.

    Bytes are those of the messages to and from roles, as in a session at hand; seconds of parties
    that are apart are what they say of themselves.

    Args:
        session: asks the parties.
        label: tells the protocols of a study apart: a party's roles have tasks of this name.
        names: type number -> name, of the protocol's messages.
        clock: seconds, for the times of the record.
    """

    def __init__(
        self,
        session: Session,
        label: str,
        names: Mapping[int, str],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__({**names, **message_names(DeliveryMessageType)}, clock)
        self._session = session
        self._label = label
        self.refusals: list[Refusal] = []
        """What was refused so far."""

    @contextmanager
    def aborting(self, stage: str) -> Iterator[None]:
        """Turn what keeps a session from being opened into a `SessionAbortedError`."""
        try:
            yield
        except SessionAbortedError:
            raise
        except (AbortError, ProtocolError) as error:
            raise SessionAbortedError(stage, error, self.costs(), tuple(self.refusals)) from error

    def beside(self, label: str, names: Mapping[int, str]) -> "ApartChannel":
        """Return a channel of the same session, for another protocol within it.

        Args:
            label: is put after that of this one.
            names: as in the class.
        """
        return ApartChannel(self._session, f"{self._label}/{label}", names, self._clock)

    def is_present(self, client: ClientId, stage: str) -> bool:  # noqa: ARG002
        """Tell whether a client is there now; no plan says how long."""
        return client in self._session.present

    def ask(
        self, task: str, stage: str, messages: Mapping[ClientId, bytes] | Mapping[Party, bytes]
    ) -> Iterator[Reply]:
        """Ask parties, note who refuses, and yield the replies of those who did as they were asked.

        Args:
            task: which of a party's roles is asked.
            stage: the stage of the session.
            messages: party -> the message to its role.

        Raises:
            StoppedError: if the program is ending.
        """
        asked: dict[Party, bytes] = dict(messages.items())
        for party, data in asked.items():
            self.count(stage, SERVER, party, data)
        for reply in self._session.ask(f"{self._label}/{task}", stage, asked):
            if reply.refusal is not None:
                self.refusals.append(Refusal(stage, reply.party, reply.refusal))
                continue
            self.add_work(reply.party, stage, reply.seconds)
            if reply.data is not None:
                self.count(stage, reply.party, SERVER, reply.data)
            yield reply

    def consult(self, task: str, stage: str, data: bytes) -> bytes:
        """Ask the authority, or the key holder, which a session cannot do without.

        Returns:
            Its answer.

        Raises:
            AbortError: if it is not there, does not answer, or refuses; the refusal is noted.
        """
        asked: dict[Party, bytes] = {AUTHORITY: data}
        for reply in self.ask(task, stage, asked):
            if reply.data is not None:
                return reply.data
        refusals = [refusal.error for refusal in self.refusals if refusal.by == AUTHORITY]
        why = f"refuses: {refusals[-1]}" if refusals else "is not there, or does not answer"
        raise AbortError(f"the {AUTHORITY}, without whom there is no sum, {why}")


class ApartExchange(Exchange):
    """The messages of a session whose clients are apart.

    Args:
        channel: carries and counts.
        receive: gives the server a client's message.
        task: which of the clients' roles is asked.
    """

    def __init__(self, channel: ApartChannel, receive: Receive, task: str = "sum") -> None:
        super().__init__(channel, receive)
        self.refusals = channel.refusals
        self._channel = channel
        self._task = task
        self.replied: frozenset[ClientId] = frozenset()
        """The clients that did as they were asked in the last stage."""

    def carry(self, stage: str, messages: Mapping[ClientId, bytes]) -> None:
        """Carry the server's messages to the clients and their answers back."""
        replied = set()
        for reply in self._channel.ask(self._task, stage, messages):
            if not isinstance(reply.party, int):
                continue
            replied.add(reply.party)
            if reply.data is not None:
                self._give(stage, reply.party, reply.data)
        self.replied = frozenset(replied)

    def deal(self, stage: str, dealing: Opening, take: TakeDealt) -> None:  # noqa: ARG002
        """Carry what an authority deals to the clients, each of which alone can open its part."""
        for _ in self._channel.ask("delivery", stage, dealing()):
            pass
