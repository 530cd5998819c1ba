"""Signatures around client messages: the last 64 bytes, in sessions that are signed.

One signature binds all that a message says: its header names the type, which no two protocols
share, and its fields the session and the sender.
"""

from collections.abc import Mapping
from typing import Final, TypeVar

from crypto.codec import Message
from crypto.errors import MalformedMessageError, SignatureError, blaming
from crypto.parties import SERVER, ClientId
from crypto.primitives.signatures import SIGNATURE_BYTES, SigningIdentity, VerifyKey
from crypto.session.messages import ClientMessage

SIGNED_MESSAGE: Final = "client message"
"""Purpose of these signatures."""

_M = TypeVar("_M", bound=Message)


def sign_message(message: Message, identity: SigningIdentity | None) -> bytes:
    """Encode a client's message, and sign it if there is an identity to sign with."""
    data = message.to_bytes()
    if identity is None:
        return data
    return data + identity.sign(SIGNED_MESSAGE, data)


def split_signed(
    kind: type[_M], data: bytes, signed: bool, most_clients: int | None = None
) -> tuple[_M, bytes, bytes]:
    """Take a client's message apart; the signature is for the caller to verify.

    Args:
        kind: what it should be.
        data: the message.
        signed: whether it ends in a signature.
        most_clients: the most entries that its lists of clients can have; None: not known.

    Returns:
        The message, the bytes that were signed, and the signature, empty if not `signed`.

    Raises:
        MalformedMessageError: if `data` is no such message.
    """
    if not signed:
        return kind.from_bytes(data, most_clients), data, b""
    if len(data) < SIGNATURE_BYTES:
        raise MalformedMessageError(f"{kind.__name__}: too short for its signature")
    body, signature = data[:-SIGNATURE_BYTES], data[-SIGNATURE_BYTES:]
    return kind.from_bytes(body, most_clients), body, signature


def verify_relayed(
    message: ClientMessage, signature: bytes, registry: Mapping[ClientId, VerifyKey] | None
) -> None:
    """Check the signature of another client's message that the server passed on.

    Args:
        message: what it passed on.
        signature: empty in sessions without.
        registry: the verify keys of the clients; None in sessions without signatures.

    Raises:
        SignatureError: naming the server.
    """
    with blaming(SERVER):
        if registry is not None:
            registry[message.sender].verify(SIGNED_MESSAGE, message.to_bytes(), signature)
        elif signature:
            raise SignatureError("a signature in a session without")
