"""How boards are read: every posting is checked for its author, its session and its signature."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from crypto.errors import (
    DecodingError,
    ForeignMessageError,
    MalformedMessageError,
    SignatureError,
)
from crypto.groups.base import Element, Group
from crypto.parties import ClientId
from crypto.primitives.signatures import VerifyKey
from crypto.protocols.dkg.accusations import OpenedShares
from crypto.protocols.dkg.messages import Posting
from crypto.protocols.dkg.shares import SharePair
from crypto.session.messages import ClientMessage
from crypto.session.signing import SIGNED_MESSAGE

_P = TypeVar("_P", bound=ClientMessage)


def read_posting(
    posting: Posting,
    kind: type[_P],
    cohort: Sequence[ClientId],
    session_id: bytes,
    registry: Mapping[ClientId, VerifyKey] | None,
) -> _P:
    """Decode one posting.

    Args:
        posting: as it was passed on.
        kind: what it should be.
        cohort: the clients of the session; no list is longer.
        session_id: the session it should be of.
        registry: the clients' verify keys; None in sessions without signatures.

    Raises:
        MalformedMessageError: if it is no such message.
        ForeignMessageError: if it is of another session, or not of the client it is said to be of.
        SignatureError: if that client did not sign it.
    """
    message = kind.from_bytes(posting.body, len(cohort))
    if (message.session_id, message.sender) != (session_id, posting.sender):
        raise ForeignMessageError("a posting of another session or client")
    if registry is None:
        if posting.signature:
            raise SignatureError("a signature in a session without")
        return message
    if posting.sender not in registry:
        raise ForeignMessageError("a posting of a client without known identity")
    registry[posting.sender].verify(SIGNED_MESSAGE, posting.body, posting.signature)
    return message


def read_board(
    postings: Sequence[Posting],
    kind: type[_P],
    cohort: Sequence[ClientId],
    session_id: bytes,
    registry: Mapping[ClientId, VerifyKey] | None,
) -> dict[ClientId, _P]:
    """Decode all postings of a board; raises as `read_posting`."""
    if not {posting.sender for posting in postings} <= set(cohort):
        raise ForeignMessageError("a posting of a client that is not invited")
    return {p.sender: read_posting(p, kind, cohort, session_id, registry) for p in postings}


def read_pairs(message: OpenedShares, group: Group[Element]) -> dict[ClientId, SharePair]:
    """Decode the pairs of a posting.

    Raises:
        MalformedMessageError: for what are no pairs of exponents.
    """
    try:
        return {peer: SharePair.from_bytes(data, group) for peer, data in message.pairs}
    except DecodingError as error:
        raise MalformedMessageError(str(error)) from error
