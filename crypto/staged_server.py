"""The server of a session in stages: it opens each stage, takes one message a client, closes it.

Protocols derive from `StagedServer` and say what each message means. What comes after a stage was
closed is late and refused. A client that sends nothing, or nothing acceptable, has dropped out.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from crypto.errors import (
    DecodingError,
    ForeignMessageError,
    MalformedMessageError,
    ReplayError,
    ThresholdError,
    WrongTimeError,
    blaming,
)
from crypto.parties import ClientId
from crypto.sealing import SIGNED_MESSAGE, unseal
from crypto.session_messages import ClientMessage
from crypto.signatures import VerifyKey
from crypto.wire import message_type


class StagedServer(ABC):
    """The stages of one session and who is awaited in them.

    Args:
        session_id: the session.
        client_messages: stage -> the message that ends it for a client.
        quorum: fewest clients that must answer in each stage.
        registry: the verify keys of the clients if they sign their messages, else None.
    """

    def __init__(
        self,
        session_id: bytes,
        client_messages: Mapping[str, type[ClientMessage]],
        quorum: int,
        registry: Mapping[ClientId, VerifyKey] | None = None,
    ) -> None:
        self.session_id = session_id
        self._client_messages = client_messages
        self._quorum = quorum
        self._registry = registry
        self._stage: str | None = None
        self._awaited: frozenset[ClientId] = frozenset()
        self._answered: set[ClientId] = set()

    @property
    def present(self) -> frozenset[ClientId]:
        """The clients that have answered in the present stage."""
        return frozenset(self._answered)

    def receive(self, sender: ClientId, data: bytes) -> None:
        """Take a client's message for the present stage.

        Args:
            sender: the client, as the transport knows it.
            data: the encoded message.

        Raises:
            MalformedMessageError: if `data` is no message of a client.
            WrongTimeError: if it belongs to another stage, a late upload for one.
            ForeignMessageError: if it is of another session or client than it should be.
            ReplayError: if this client has already sent this stage's message.
            SignatureError: in signed sessions, if the client did not sign it.
            WrongContentError: if it says something else than this session asks for.

        Guarantees: a refused message changes nothing; every error names `sender`.
        """
        with blaming(sender):
            stage = stage_of(data, self._client_messages)
            if stage != self._stage:
                raise WrongTimeError(f"a message of stage {stage!s} in stage {self._stage!s}")
            signed = self._registry is not None
            message, body, signature = unseal(self._client_messages[stage], data, signed)
            if message.session_id != self.session_id or message.sender != sender:
                raise ForeignMessageError("a message of another session or client")
            if sender in self._answered:
                raise ReplayError("a second message in one stage")
            if sender not in self._awaited:
                raise ForeignMessageError("a message of a client that has dropped out")
            if self._registry is not None:
                if sender not in self._registry:
                    raise ForeignMessageError("a client without known identity")
                self._registry[sender].verify(SIGNED_MESSAGE, body, signature)
            self._accept(message, signature)
            self._answered.add(sender)

    @abstractmethod
    def _accept(self, message: ClientMessage, signature: bytes) -> None:
        """Keep what a message says, or refuse it and change nothing."""

    def _open(
        self,
        present: str | None,
        following: str | None,
        awaited: frozenset[ClientId] | None = None,
    ) -> frozenset[ClientId]:
        """Close a stage, open the next, and return the clients that are still there."""
        if self._stage != present:
            raise WrongTimeError(f"stage {present!s} cannot be closed in stage {self._stage!s}")
        arrived = frozenset(self._answered)
        if present is not None and len(arrived) < self._quorum:
            self._stage = None
            raise ThresholdError(f"clients after stage {present!s}", len(arrived), self._quorum)
        self._stage = following
        self._awaited = arrived if awaited is None else awaited
        self._answered = set()
        return self._awaited

    def _ask(self, stage: str, awaited: frozenset[ClientId]) -> None:
        """Open a stage, or once more the same one, for some clients, whatever came before."""
        self._stage = stage
        self._awaited = awaited
        self._answered = set()


def stage_of(data: bytes, client_messages: Mapping[str, type[ClientMessage]]) -> str:
    """Return the stage that an encoded client message belongs to.

    Raises:
        MalformedMessageError: if it is no message of a client in this protocol.
    """
    try:
        number = message_type(data)
    except DecodingError as error:
        raise MalformedMessageError(str(error)) from error
    for stage, kind in client_messages.items():
        if number == kind.TYPE:
            return stage
    raise MalformedMessageError(f"type {number} is no message of a client")
