"""A client of any sum as it lives across rounds: who it is, whom it knows, what it has joined."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from crypto.errors import blaming
from crypto.parties import SERVER, ClientId
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.randomness import SYSTEM, Randomness
from crypto.session.joined_sessions import JoinedSessions
from crypto.session.opened_rounds import Journal, Opening


class _Beginning(Protocol):
    """A client's part in a session."""

    def first_answer(self) -> bytes:
        """Return what the client answers to the invitation."""
        ...


_P = TypeVar("_P", bound=_Beginning)


class KnownClient(ABC, Generic[_P]):
    """A client with its identity, for any number of sessions.

    Args:
        client_id: its number.
        identity: signs its messages; None if it takes part in unsigned sessions only.
        registry: the verify key of every client of the consortium, itself included. It must come
            over a way that the server cannot alter: signatures are worth what it is worth.
        randomness: where its secrets come from.

    Attributes:
        INVITATION: the message that invites it.
        identity: as given.
    """

    INVITATION: ClassVar[Any]

    def __init__(
        self,
        client_id: ClientId,
        identity: SigningIdentity | None = None,
        registry: Mapping[ClientId, VerifyKey] | None = None,
        randomness: Randomness = SYSTEM,
    ) -> None:
        self.client_id = client_id
        self.identity = identity
        self._registry = registry or {}
        self._randomness = randomness
        self._joined = JoinedSessions(client_id)

    @property
    def registry(self) -> Mapping[ClientId, VerifyKey]:
        """The verify keys of the consortium's clients; empty if they do not sign."""
        return self._registry

    def remember(self, journal: Journal) -> None:
        """Keep the rounds whose sums it opens in a journal, before the first session.

        Args:
            journal: outlives this object, so that a client that was started anew does not help to
                open a second sum of a round.
        """
        self._joined.remember(journal)

    def _enter(self, data: bytes, binding: bytes, *trusted: VerifyKey | None) -> tuple[_P, bytes]:
        """Accept an invitation.

        Args:
            data: the invitation.
            binding: digest of what the server gave this client before; empty if it was nothing.
            trusted: the verify key of whoever made the session's keys; None if nobody signs.

        Returns:
            The client's part in the session, and its first answer.

        Guarantees: a refused invitation changes nothing; errors name the server.
        """
        with blaming(SERVER):
            invitation = self.INVITATION.from_bytes(data, len(self._registry) or None)
            opening = self._joined.check(invitation, binding)
            part = self._part(invitation, opening, *trusted)
        self._joined.add(opening.session_id)
        return part, part.first_answer()

    @abstractmethod
    def _part(self, invitation: Any, opening: Opening, *trusted: Any) -> _P:
        """Refuse an invitation, and change nothing, or return the part in its session."""


class SumClient(KnownClient[_P]):
    """A client that trusts no further party, or was made to know it."""

    def join(self, data: bytes, binding: bytes = b"") -> tuple[_P, bytes]:
        """Accept an invitation.

        Args:
            data: the invitation.
            binding: digest of what the server gave this client before; empty if it was nothing.

        Returns:
            The client's part in the session, and its first answer.

        Raises:
            MalformedMessageError: if `data` is no invitation.
            ForeignMessageError: if it is for other clients.
            ReplayError: if this client has joined that very session before.
            PolicyError: if the session is weaker than the client accepts.
            ConsistencyError: if the session is bound to something else than `binding`.
            OpenedRoundError: if this client has opened the sum of another session of its round.
            Others as the class says.

        Guarantees: a refused invitation changes nothing; errors name the server, or who else is
            to blame.
        """
        return self._enter(data, binding)
