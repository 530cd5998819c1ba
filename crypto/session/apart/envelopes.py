"""What travels between the server and parties that are apart: requests, and what becomes of them.

An envelope names its session and step, so that what comes late is known before a role sees it. It
protects nothing: the carrier does, and the messages inside say for themselves what they are for.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated, ClassVar, Final, TypeAlias

from crypto import errors
from crypto.codec import Message
from crypto.codings import Fixed, PrintableAscii, Sized, Uint32, Unsigned
from crypto.errors import (
    AbortError,
    DecodingError,
    MalformedMessageError,
    ParameterError,
    ProtocolError,
)
from crypto.parties import AUTHORITY, MAX_CLIENT_ID, SERVER, Party
from crypto.wire import message_type

TOKEN_BYTES: Final = 16
MOST_NAME: Final = 64
MOST_TEXT: Final = 400
ENVELOPE_BYTES: Final = 256
"""More than any envelope adds to the data inside it."""

_NOBODY: Final = MAX_CLIENT_ID + 1
_CODES: Final[dict[Party | None, int]] = {
    None: _NOBODY,
    SERVER: _NOBODY + 1,
    AUTHORITY: _NOBODY + 2,
}
_PARTIES: Final = {code: party for party, code in _CODES.items()}


class MessageType(IntEnum):
    """Type numbers on the wire: 111 to 113 are these."""

    REQUEST = 111
    ANSWER = 112
    REFUSED_REQUEST = 113


class _Short(PrintableAscii):
    """A text of bounded length."""

    def __init__(self, most: int) -> None:
        self._most = most

    def check(self, name: str, value: str) -> None:
        super().check(name, value)
        if len(value) > self._most:
            raise ParameterError(f"{name} has {len(value)} characters, and {self._most} at most")


Token: TypeAlias = Annotated[bytes, Fixed(TOKEN_BYTES)]
"""Names a session among those of one server: random, and no secret."""
ShortName: TypeAlias = Annotated[str, _Short(MOST_NAME)]
Text: TypeAlias = Annotated[str, _Short(MOST_TEXT)]
Culprit: TypeAlias = Annotated[int, Unsigned(5, most=_NOBODY + 2)]


@dataclass(frozen=True)
class Request(Message):
    """Server to party: take a step.

    Attributes:
        token: names the session.
        step: counts the session's requests, from 1.
        task: which of the party's roles is asked.
        stage: the stage of that role's protocol.
        data: the message to the role.
    """

    TYPE: ClassVar[int] = MessageType.REQUEST
    token: Token
    step: Uint32
    task: ShortName
    stage: ShortName
    data: Sized = field(repr=False)


@dataclass(frozen=True)
class Answer(Message):
    """Party to server: the step is taken.

    Attributes:
        token: of the request.
        step: of the request.
        microseconds: how long the step took, as the party says; at most 2^32 - 1.
        data: the role's message; empty if it has nothing to say.
    """

    TYPE: ClassVar[int] = MessageType.ANSWER
    token: Token
    step: Uint32
    microseconds: Uint32
    data: Sized = field(repr=False)


@dataclass(frozen=True)
class RefusedRequest(Message):
    """Party to server: the step is not taken, so nobody need wait.

    Attributes:
        token: of the request.
        step: of the request.
        error: name of the error's class in `crypto.errors`.
        culprit: who is to blame: a client's number, or a code beyond those.
        text: what was wrong; it holds no secret, as errors of `crypto` do not.
    """

    TYPE: ClassVar[int] = MessageType.REFUSED_REQUEST
    token: Token
    step: Uint32
    error: ShortName
    culprit: Culprit
    text: Text

    @classmethod
    def of(cls, request: Request, error: Exception) -> "RefusedRequest":
        """Return the refusal of a request.

        Args:
            request: what is refused.
            error: why. Of errors that `crypto` does not declare, and of those that blame the
                party's own caller, only the class is told: their texts may hold anything.
        """
        head = request.token, request.step
        if isinstance(error, ProtocolError):
            return cls(*head, type(error).__name__, _code_of(error.culprit), _plain(error.what))
        if isinstance(error, AbortError):
            return cls(*head, AbortError.__name__, _NOBODY, _plain(str(error)))
        text = f"the party cannot take this step: {_plain(type(error).__name__)}"
        return cls(*head, AbortError.__name__, _NOBODY, text)

    def to_error(self) -> ProtocolError | AbortError:
        """Return the error that the party raised, as far as it travelled."""
        kind = getattr(errors, self.error, None)
        if isinstance(kind, type) and issubclass(kind, ProtocolError):
            return kind(self.text, self._culprit())
        return AbortError(self.text)

    def _culprit(self) -> Party | None:
        return self.culprit if self.culprit < _NOBODY else _PARTIES[self.culprit]


def _code_of(culprit: Party | None) -> int:
    return culprit if isinstance(culprit, int) else _CODES[culprit]


def _plain(text: str) -> str:
    """Return a text in printable ASCII, and not too long."""
    kept = text.encode("ascii", "replace").decode()
    return "".join(c if c.isprintable() else "?" for c in kept)[:MOST_TEXT]


def read_reply(data: bytes) -> Answer | RefusedRequest:
    """Read what a party sent back.

    Raises:
        MalformedMessageError: if it is neither.
    """
    try:
        kind = message_type(data)
    except DecodingError as error:
        raise MalformedMessageError(str(error)) from error
    if kind == RefusedRequest.TYPE:
        return RefusedRequest.from_bytes(data)
    return Answer.from_bytes(data)
