"""One client's part in one session, as a chain of states: every step takes one and leaves the next.

Protocols derive from `ClientSession` and say what their states and steps are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, Protocol, TypeVar

from crypto.errors import ForeignMessageError, WrongTimeError, blaming
from crypto.parties import SERVER, ClientId
from crypto.primitives.signatures import SigningIdentity
from crypto.session.messages import ClientMessage, SessionMessage
from crypto.session.signing import sign_message

State = TypeVar("State")
_S = TypeVar("_S")
_M = TypeVar("_M", bound=SessionMessage)
_P = TypeVar("_P")
Given = TypeVar("Given")
Given_contra = TypeVar("Given_contra", contravariant=True)


@dataclass(frozen=True)
class Over:
    """Finished or ended by a refusal: nothing secret is left."""


class ClientSession(Generic[State]):
    """One client in one session.

    A message at the wrong time, of another session or malformed is refused and changes nothing.
    Once a message's content was found wrong the session is over for this client, and its secrets
    are gone.

    Args:
        client_id: the client.
        session_id: the session.
        state: what it begins with.
        num_clients: of the session; messages with longer lists of clients are not read. None: the
            protocol has no such lists.
        identity: signs its answers; None in sessions without signatures.
    """

    def __init__(
        self,
        client_id: ClientId,
        session_id: bytes,
        state: State,
        num_clients: int | None = None,
        identity: SigningIdentity | None = None,
    ) -> None:
        self.client_id = client_id
        self.session_id = session_id
        self._state: State | Over = state
        self._num_clients = num_clients
        self._identity = identity

    def _at(self, state: type[_S]) -> _S:
        if not isinstance(self._state, state):
            raise WrongTimeError(f"client {self.client_id} is past this step, or not there yet")
        return self._state

    def _take(self, state: type[_S], kind: type[_M], data: bytes) -> tuple[_S, _M]:
        """Consume the state for a message of the server: from here on, an error ends the part."""
        with blaming(SERVER):
            current = self._at(state)
            message = kind.from_bytes(data, self._num_clients)
            if message.session_id != self.session_id:
                raise ForeignMessageError("a message of another session")
        self._state = Over()
        return current, message

    def _answer(self, kind: type[ClientMessage], *fields: Any) -> bytes:
        """Return a message of this client in this session, signed if the session is."""
        return sign_message(kind(self.session_id, self.client_id, *fields), self._identity)


class JoinedParts(dict[ClientId, _P]):
    """The parts of the clients that joined a session; who did not join takes no step of it.

    An invitation that is late, or lost, leaves its client without a part. What is sent to it then
    is refused with a `WrongTimeError` that names the server.
    """

    def __missing__(self, client: ClientId) -> NoReturn:
        raise WrongTimeError(f"client {client} has not joined this session", SERVER)


class Part(Protocol[Given_contra]):
    """One client in one session, once it has joined."""

    def step(self, stage: str, data: bytes, given: Given_contra) -> bytes:
        """Take the step of a stage.

        Args:
            stage: a stage after the first.
            data: the server's message.
            given: the client's input, for the stage that uploads it.

        Returns:
            The answer to the server.
        """
        ...


class SessionClients(Generic[Given]):
    """The clients' side of one session.

    Args:
        join: lets a client accept an invitation; returns its part and its first answer.
        inputs: what each is given.
        first: the stage in which they join.
    """

    def __init__(
        self,
        join: Callable[[ClientId, bytes], tuple[Part[Given], bytes]],
        inputs: Mapping[ClientId, Given],
        first: str,
    ) -> None:
        self._join = join
        self._inputs = inputs
        self._first = first
        self._parts: JoinedParts[Part[Given]] = JoinedParts()

    def answer(self, stage: str, client: ClientId, data: bytes) -> bytes:
        """Take the step of a stage with one client, which joins in the first one."""
        if stage == self._first:
            self._parts[client], answer = self._join(client, data)
            return answer
        return self._parts[client].step(stage, data, self._inputs[client])
