"""Every error that `crypto` raises on purpose.

There are three kinds. A `ParameterError` blames the caller. A `ProtocolError` says what was wrong
with a message and names the party to blame: it came at the wrong time, it was malformed, or its
content was wrong. An `AbortError` ends a session that too few clients are left to finish.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from crypto.parties import Party, describe


class CryptoError(Exception):
    """Root of all errors declared by `crypto`."""


class ParameterError(CryptoError, ValueError):
    """The caller asked for something that is not allowed."""


class CapacityError(ParameterError):
    """A sum could leave the range of its modulus, or has left it."""


class OutOfRangeError(ParameterError):
    """A number to encode is not finite or lies outside the clip range."""


class DecodingError(CryptoError, ValueError):
    """Bytes are not the encoding of a value of the expected kind."""


class ProtocolError(CryptoError):
    """A message was refused.

    Attributes:
        what: what was wrong.
        culprit: the party that sent, or let through, what was refused; None if it cannot be told.
    """

    def __init__(self, message: str, culprit: Party | None = None) -> None:
        super().__init__(f"{message} (to blame: {describe(culprit)})")
        self.what = message
        self.culprit = culprit


class WrongTimeError(ProtocolError):
    """A message or a call does not belong to the present stage."""


class MalformedMessageError(ProtocolError):
    """Bytes that no honest encoder could have made."""


class WrongContentError(ProtocolError):
    """A well-formed message, at its time, that says something inadmissible."""


class ForeignMessageError(WrongContentError):
    """A message of another session, or of a party outside this one."""


class ReplayError(WrongContentError):
    """A message, or an invitation, that was already accepted once."""


class AuthenticationError(WrongContentError):
    """A ciphertext was altered, or was made for another round, sender or receiver."""


class SignatureError(WrongContentError):
    """A signature is missing or does not verify."""


class PolicyError(WrongContentError):
    """An invitation is weaker than what the client agreed to."""


class OpenedRoundError(PolicyError):
    """A client was asked for a second sum of a round whose sum it has helped to open."""


class ConsistencyError(WrongContentError):
    """Two parties were told different things, or one party contradicts itself."""


class ShareError(WrongContentError):
    """Shares do not lead to the secret that was committed to."""


class ProofError(WrongContentError):
    """A proof does not verify: what it claims is false, or it was made for something else."""


class OpeningError(WrongContentError):
    """What is said to open a commitment does not."""


class AbortError(CryptoError):
    """The session ended without a result; nothing beyond the messages so far was revealed.

    Attributes:
        culprit: None, since dropping out is nobody's fault.
    """

    culprit: Party | None = None


class ThresholdError(AbortError):
    """Fewer parties are left than the threshold asks for.

    Attributes:
        found: how many are left.
        needed: how many are needed.
    """

    def __init__(self, what: str, found: int, needed: int) -> None:
        super().__init__(f"{what}: {found} are left, {needed} are needed")
        self.found = found
        self.needed = needed


class LostWorkerError(AbortError):
    """A process that took steps for clients of this one has ended before they were taken."""


@contextmanager
def blaming(culprit: Party) -> Iterator[None]:
    """Name the culprit of protocol errors raised inside that do not know it yet.

    Bytes that do not decode are a malformed message of the culprit's.
    """
    try:
        yield
    except DecodingError as error:
        raise MalformedMessageError(str(error), culprit) from error
    except ProtocolError as error:
        if error.culprit is not None:
            raise
        raise type(error)(error.what, culprit) from error
