"""Which sessions a client joins: those that are meant for it, each once, one opened sum a round."""

from collections.abc import Collection
from typing import Protocol

from crypto.errors import ConsistencyError, ForeignMessageError, PolicyError, ReplayError
from crypto.parties import SERVER, ClientId
from crypto.session.opened_rounds import Journal, OpenedRounds, Opening


class SumInvitation(Protocol):
    """What the invitations to all sums have."""

    @property
    def round_id(self) -> int:
        """The training round."""
        ...

    @property
    def cohort(self) -> tuple[ClientId, ...]:
        """The clients asked."""
        ...

    @property
    def binding(self) -> bytes:
        """Digest of what the server gave the clients before; empty if it was nothing."""
        ...

    def session_id(self) -> bytes:
        """Return the hash of all that was announced."""
        ...


class JoinedSessions:
    """The sessions that one client has joined, for as long as it lives.

    Args:
        client_id: the client.
    """

    def __init__(self, client_id: ClientId) -> None:
        self._client_id = client_id
        self._joined: set[bytes] = set()
        self._opened = OpenedRounds()

    def __contains__(self, session_id: bytes) -> bool:
        return session_id in self._joined

    def remember(self, journal: Journal) -> None:
        """Keep opened rounds in a journal from now on; called before the first session."""
        self._opened = OpenedRounds(journal)

    def check(self, invitation: SumInvitation, binding: bytes) -> Opening:
        """Refuse a session that is not for this client, or not any more; changes nothing.

        Args:
            invitation: what the server announced.
            binding: digest, made by the client, of what the server gave it before; empty if it was
                nothing.

        Returns:
            What the client asks before it uploads, and tells before it opens.

        Raises:
            ForeignMessageError: if the invitation is for other clients.
            ConsistencyError: if the session is bound to something else than `binding`.
            ReplayError: if the client has joined that very session before.
            OpenedRoundError: if it has opened the sum of another session of the same round.
            All name the server.
        """
        if self._client_id not in invitation.cohort:
            raise ForeignMessageError("an invitation of other clients", SERVER)
        if invitation.binding != binding:
            raise ConsistencyError(
                "a session that is bound to another broadcast than this client was given", SERVER
            )
        session_id = invitation.session_id()
        if session_id in self._joined:
            raise ReplayError("an invitation that was accepted before", SERVER)
        return self._opened.opening(invitation.round_id, session_id)

    def add(self, session_id: bytes) -> None:
        """Note that the client has joined a session, which `check` let pass."""
        self._joined.add(session_id)


def check_identities(cohort: Collection[ClientId], registry: Collection[ClientId]) -> None:
    """Refuse a signed session with clients whose verify keys are not known.

    Raises:
        PolicyError: naming the server.
    """
    strangers = [client for client in cohort if client not in registry]
    if strangers:
        raise PolicyError(f"clients without known identity: {strangers[:5]}", SERVER)
