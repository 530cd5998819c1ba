"""What the messages of a session's protocols begin with."""

from dataclasses import dataclass
from typing import Final

from crypto.errors import ParameterError
from crypto.parties import MAX_CLIENT_ID, ClientId
from crypto.wire import Message, Writer, check_size

NONCE_BYTES: Final = 16
SESSION_ID_BYTES: Final = 32


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
