"""The server's door: which message of which client is taken in which stage."""

from collections.abc import Mapping
from typing import TypeAlias

from crypto.errors import (
    DecodingError,
    ForeignMessageError,
    MalformedMessageError,
    ReplayError,
    ThresholdError,
    WrongTimeError,
)
from crypto.parties import ClientId
from crypto.primitives.signatures import VerifyKey
from crypto.session.messages import ClientMessage
from crypto.session.signing import SIGNED_MESSAGE, split_signed
from crypto.wire import message_type

Kinds: TypeAlias = Mapping[str, type[ClientMessage]]
"""Stage -> the message that ends it for a client."""


class Doorkeeper:
    """Checks all that can be checked of a client's message without knowing what it is about.

    Args:
        session_id: 32 bytes that every message must name.
        kinds: the stages in their order, each with its message.
        minimum: fewest clients that must be left after any stage.
        registry: the verify keys of the clients; None in sessions without signatures.
        farewells: stage -> a message with which a client may leave the session instead.
    """

    def __init__(
        self,
        session_id: bytes,
        kinds: Kinds,
        minimum: int,
        registry: Mapping[ClientId, VerifyKey] | None,
        farewells: Kinds | None = None,
    ) -> None:
        self._session_id = session_id
        both = [*kinds.items(), *(farewells or {}).items()]
        self._kinds = {int(kind.TYPE): (stage, kind) for stage, kind in reversed(both)}
        self._minimum = minimum
        self._registry = registry
        self._stage: str | None = None
        self._awaited: frozenset[ClientId] = frozenset()
        self._answered: set[ClientId] = set()
        self._asked: frozenset[ClientId] = frozenset()

    @property
    def answered(self) -> frozenset[ClientId]:
        """The clients whose message of the present stage was accepted."""
        return frozenset(self._answered)

    def open(self, stage: str, awaited: frozenset[ClientId]) -> None:
        """Begin a stage in which the given clients may answer."""
        self._stage = stage
        self._awaited = awaited
        self._asked |= awaited
        self._answered = set()

    def await_more(self, clients: frozenset[ClientId]) -> None:
        """Let further clients answer in the present stage."""
        self._awaited |= clients

    def admit(self, sender: ClientId, data: bytes) -> tuple[ClientMessage, bytes]:
        """Take a message apart; `accept` must follow once its content was found right.

        A message whose lists have more entries than clients were ever asked is not read.

        Returns:
            The message and its signature, empty in sessions without.

        Raises:
            MalformedMessageError, WrongTimeError, ForeignMessageError, ReplayError,
            SignatureError: as the name says; without a culprit yet.
        """
        stage, kind = self._kind_of(data)
        if stage != self._stage:
            raise WrongTimeError(f"a message of stage '{stage}' in stage '{self._stage}'")
        message, body, signature = split_signed(
            kind, data, self._registry is not None, len(self._asked)
        )
        if message.session_id != self._session_id or message.sender != sender:
            raise ForeignMessageError("a message of another session or client")
        if sender in self._answered:
            raise ReplayError("a second message in one stage")
        if sender not in self._awaited:
            raise ForeignMessageError("a message of a client that was not asked")
        if self._registry is not None:
            if sender not in self._registry:
                raise ForeignMessageError("a client without known identity")
            self._registry[sender].verify(SIGNED_MESSAGE, body, signature)
        return message, signature

    def accept(self, sender: ClientId) -> None:
        """Note that a client has answered."""
        self._answered.add(sender)

    def dismiss(self, sender: ClientId) -> None:
        """Note that a client has left the session."""
        self._awaited -= {sender}

    def close(self, stage: str) -> frozenset[ClientId]:
        """End a stage; return the clients that answered.

        Raises:
            WrongTimeError: if it is not the present one.
            ThresholdError: if too few answered.
        """
        if self._stage != stage:
            raise WrongTimeError(f"stage '{stage}' cannot be closed in stage '{self._stage}'")
        self._stage = None
        if len(self._answered) < self._minimum:
            raise ThresholdError(
                f"clients after stage '{stage}'", len(self._answered), self._minimum
            )
        return frozenset(self._answered)

    def _kind_of(self, data: bytes) -> tuple[str, type[ClientMessage]]:
        try:
            number = message_type(data)
        except DecodingError as error:
            raise MalformedMessageError(str(error)) from error
        if number not in self._kinds:
            raise MalformedMessageError(f"type {number} is no message of a client")
        return self._kinds[number]
