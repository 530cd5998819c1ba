"""What the messages of a session's protocols begin with."""

from dataclasses import dataclass
from typing import Final

from crypto.errors import ConsistencyError, ParameterError
from crypto.parties import MAX_CLIENT_ID, SERVER, ClientId
from crypto.wire import Message, Writer, check_size

NONCE_BYTES: Final = 16
SESSION_ID_BYTES: Final = 32
BINDING_BYTES: Final = 32


def check_binding(binding: bytes) -> None:
    """Refuse what is neither empty nor a digest.

    Raises:
        ParameterError: for another length.
    """
    if len(binding) not in (0, BINDING_BYTES):
        raise ParameterError(f"binding has 0 or {BINDING_BYTES} bytes, not {len(binding)}")


def require_binding(announced: bytes, own: bytes) -> None:
    """Refuse a session that is bound to something else than this client was given.

    Args:
        announced: the invitation's binding.
        own: the digest that the client made itself; empty if it was given nothing.

    Raises:
        ConsistencyError: naming the server.
    """
    if announced != own:
        raise ConsistencyError(
            "a session that is bound to another broadcast than this client was given", SERVER
        )


@dataclass(frozen=True)
class SessionMessage(Message):
    """What all messages after the invitation begin with.

    Attributes:
        session_id: 32 bytes, from the invitation's `session_id`.
    """

    session_id: bytes

    def __post_init__(self) -> None:
        check_size("session_id", self.session_id, SESSION_ID_BYTES)


@dataclass(frozen=True)
class ClientMessage(SessionMessage):
    """What all messages of clients begin with.

    Attributes:
        sender: the client.
    """

    sender: ClientId

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.sender <= MAX_CLIENT_ID:
            raise ParameterError(f"sender={self.sender} must lie in 0..2^32-1")

    def write_head(self, writer: Writer) -> None:
        """Write session and sender."""
        writer.fixed(self.session_id, SESSION_ID_BYTES)
        writer.uint(self.sender, 4)
