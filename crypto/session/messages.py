"""What the messages of all protocols are made of: the fields that they share, and their heads."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Self, TypeAlias

from crypto.codec import Message
from crypto.codings import (
    DIGEST_BYTES,
    Client,
    ClientIds,
    Fixed,
    FlaggedOrEmpty,
    ListOf,
    OrEmpty,
    RowOf,
    SessionIdBytes,
    Uint64,
    Unsigned,
)
from crypto.domain import domain_hash
from crypto.errors import ParameterError
from crypto.primitives.key_agreement import KEY_BYTES
from crypto.primitives.signatures import SIGNATURE_BYTES
from crypto.wire import Reader, Writer, check_increasing

NONCE_BYTES: Final = 16
SESSION_ID_BYTES: Final = DIGEST_BYTES

Nonce: TypeAlias = Annotated[bytes, Fixed(NONCE_BYTES)]
SessionId: TypeAlias = Annotated[bytes, SessionIdBytes(SESSION_ID_BYTES)]
Binding: TypeAlias = Annotated[bytes, OrEmpty(DIGEST_BYTES)]
"""Digest of what the session is bound to; empty if it is bound to nothing."""
Epoch: TypeAlias = Annotated[int, Unsigned(8, least=1)]
"""The number of a key, later than that of every key of its signer before."""

Key: TypeAlias = Annotated[bytes, Fixed(KEY_BYTES)]
Signature: TypeAlias = Annotated[bytes, Fixed(SIGNATURE_BYTES)]
OptionalSignature: TypeAlias = Annotated[bytes, OrEmpty(SIGNATURE_BYTES)]
"""Empty in sessions without signatures, as the next one, which takes three bytes less."""

FlaggedSignature: TypeAlias = Annotated[bytes, FlaggedOrEmpty(SIGNATURE_BYTES)]


class OpeningMessage(Message):
    """A message that opens a session, which is named by its hash.

    Attributes:
        SESSION: label of the hash.
    """

    SESSION: ClassVar[str]

    def session_id(self) -> bytes:
        """Return the hash of all that was announced, to which every key and message is bound."""
        return domain_hash(self.SESSION, self.to_bytes())


@dataclass(frozen=True)
class RoundInvitation(OpeningMessage):
    """What the invitations to all sums begin with.

    Attributes:
        nonce: 16 bytes that no other session of this server has.
        round_id: the training round.
        cohort: the clients asked, in increasing order.
    """

    nonce: Nonce
    round_id: Uint64
    cohort: ClientIds


@dataclass(frozen=True)
class SessionMessage(Message):
    """What all messages after the invitation begin with.

    Attributes:
        session_id: 32 bytes, from the invitation's `session_id`.
    """

    session_id: SessionId


@dataclass(frozen=True)
class ClientMessage(SessionMessage):
    """What all messages of clients begin with.

    Attributes:
        sender: the client.
    """

    sender: Client


@dataclass(frozen=True)
class RowsMessage(SessionMessage):
    """A message of lists `PerClient` of one length, which travel as one list of rows."""

    def _check(self) -> None:
        lengths = [len(getattr(self, name)) for name in self._columns()]
        if len(set(lengths)) > 1:
            raise ParameterError(f"lists of one length are needed, not of {lengths}")

    def write(self, writer: Writer, without: Collection[str] = ()) -> None:
        """Write session and rows."""
        super().write(writer, (*without, *self._columns()))
        columns = (getattr(self, name) for name in self._columns())
        self._rows().write(writer, tuple(zip(*columns, strict=True)))

    @classmethod
    def read(cls, reader: Reader, **known: Any) -> Self:
        """Read what `write` wrote."""
        known = known or {"session_id": cls.codings()["session_id"].read(reader)}
        rows = cls._rows().read(reader)
        columns = zip(*rows, strict=True) if rows else [()] * len(cls._columns())
        return super().read(reader, **known, **dict(zip(cls._columns(), columns, strict=True)))

    @classmethod
    def _columns(cls) -> dict[str, ListOf[Any]]:
        codings = cls.codings().items()
        return {name: coding for name, coding in codings if isinstance(coding, ListOf)}

    @classmethod
    def _rows(cls) -> ListOf[tuple[Any, ...]]:
        row = RowOf([column.item for column in cls._columns().values()])
        return ListOf(row, per_client=True)


def check_inside(session_id: bytes, messages: Sequence[ClientMessage]) -> None:
    """Refuse clients' messages inside another that are not one a client, all of its session.

    Raises:
        ParameterError: also if the senders are not in increasing order.
    """
    check_increasing("senders", [message.sender for message in messages])
    if any(message.session_id != session_id for message in messages):
        raise ParameterError("a message of another session")
