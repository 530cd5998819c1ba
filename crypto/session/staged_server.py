"""The server of a session in stages: it takes one message a client in each, and closes it.

Protocols derive from `StagedServer` and say what each message means. What comes after a stage was
closed is late and refused. A client that sends nothing, or nothing acceptable, has dropped out.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from crypto.codec import Message
from crypto.errors import WrongTimeError, blaming
from crypto.parties import ClientId
from crypto.primitives.signatures import VerifyKey
from crypto.session.admission import Doorkeeper, Kinds
from crypto.session.messages import ClientMessage


class StagedServer(ABC):
    """The server's part in one session.

    Args:
        session_id: the session.
        client_messages: stage -> the message that ends it for a client.
        quorum: fewest clients that must answer in each stage.
        registry: the verify keys of the clients if they sign their messages, else None.
        farewells: stage -> a message with which a client may leave the session instead.
    """

    def __init__(
        self,
        session_id: bytes,
        client_messages: Kinds,
        quorum: int,
        registry: Mapping[ClientId, VerifyKey] | None = None,
        farewells: Kinds | None = None,
    ) -> None:
        self.session_id = session_id
        self._door = Doorkeeper(session_id, client_messages, quorum, registry, farewells)
        self._stages = tuple(client_messages)
        self._farewells = tuple((farewells or {}).values())
        self._has_begun = False

    @property
    def present(self) -> frozenset[ClientId]:
        """The clients that have answered in the present stage."""
        return self._door.answered

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
            message, signature = self._door.admit(sender, data)
            self._accept(message, signature)
            if isinstance(message, self._farewells):
                self._door.dismiss(sender)
            else:
                self._door.accept(sender)

    @abstractmethod
    def _accept(self, message: ClientMessage, signature: bytes) -> None:
        """Keep what a message says, or refuse it and change nothing."""

    def _invite(self, cohort: Sequence[ClientId], invitation: Message) -> dict[ClientId, bytes]:
        """Open the first stage; return the invitation for each client of the cohort."""
        self._begin(self._stages[0], frozenset(cohort))
        return dict.fromkeys(cohort, invitation.to_bytes())

    def _begin(self, stage: str, clients: frozenset[ClientId]) -> None:
        """Open the first stage, once."""
        if self._has_begun:
            raise WrongTimeError("a session begins once")
        self._has_begun = True
        self._door.open(stage, clients)

    def _advance(self, present: str, following: str) -> frozenset[ClientId]:
        """Close a stage, open the next, and return the clients that are still there."""
        arrived = self._door.close(present)
        self._door.open(following, arrived)
        return arrived
