"""How a client of a key generation posts, and reads the boards of what all have posted."""

from collections.abc import Mapping
from typing import Final, Generic, TypeVar

from crypto.errors import (
    ConsistencyError,
    ForeignMessageError,
    ThresholdError,
    WrongTimeError,
    blaming,
)
from crypto.groups.base import Element, Group
from crypto.parties import SERVER, ClientId
from crypto.primitives.shamir import holder_point
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.protocols.dkg.accusations import OpenedShares
from crypto.protocols.dkg.decoding import read_board, read_pairs
from crypto.protocols.dkg.messages import Board, Ciphertexts, Invitation
from crypto.protocols.dkg.record import PublicRecord
from crypto.protocols.dkg.shares import SharePair
from crypto.protocols.dkg.stages import Stage
from crypto.session.messages import ClientMessage
from crypto.session.signing import sign_message

_ORDER: Final = (*Stage, None)
_P = TypeVar("_P", bound=ClientMessage)


class BoardClient(Generic[Element]):
    """A client that takes one board a stage, in their order; `DkgClient` says what it posts.

    Args:
        client_id: its number.
        group: the only group in which it makes keys.
        identity: signs its postings; None for unsigned sessions.
        registry: the verify key of every client; needed in signed sessions.
    """

    def __init__(
        self,
        client_id: ClientId,
        group: Group[Element],
        identity: SigningIdentity | None,
        registry: Mapping[ClientId, VerifyKey] | None,
    ) -> None:
        self.client_id = client_id
        self._group = group
        self._identity = identity
        self._registry = registry or {}
        self._next: Stage | None = Stage.ADVERTISE_KEYS
        self._session_id = b""
        self._posted = b""
        self._record: PublicRecord[Element]

    def _begin(self, invitation: Invitation) -> None:
        """Begin the record of an accepted invitation's session."""
        self._next = Stage.DEALING
        self._session_id = invitation.session_id()
        self._record = PublicRecord(
            self._group,
            invitation.cohort,
            invitation.threshold,
            self._session_id,
            signed=invitation.signed,
        )

    def _point(self, client: ClientId) -> int:
        return holder_point(self._record.cohort, client)

    def _seal(self, message: ClientMessage) -> bytes:
        self._posted = message.to_bytes()
        return sign_message(message, self._identity)

    def _take(self, stage: Stage, data: bytes, kind: type[_P]) -> dict[ClientId, _P]:
        """Take the present stage's board: once it is decoded, an error ends the generation.

        The server answers for what it let pass; the board becomes part of the transcript.
        """
        with blaming(SERVER):
            if self._next is not stage:
                raise WrongTimeError(f"client {self.client_id} is past this step, or not there yet")
            cohort = self._record.cohort
            board = Board.from_bytes(data, len(cohort))
            if board.session_id != self._session_id:
                raise ForeignMessageError("a message of another session")
            self._next = _ORDER[_ORDER.index(stage) + 1]
            registry = self._registry if self._identity is not None else None
            posted = read_board(board.postings, kind, cohort, self._session_id, registry)
            own = posted.get(self.client_id)
            if own is None or own.to_bytes() != self._posted:
                raise ConsistencyError("what this client posted was not passed on")
        self._record.extend_transcript(board.postings)
        return posted

    def _pairs(
        self, posted: Mapping[ClientId, OpenedShares]
    ) -> dict[ClientId, dict[ClientId, SharePair]]:
        with blaming(SERVER):
            return {c: read_pairs(message, self._group) for c, message in posted.items()}

    def _encode(self, pairs: Mapping[ClientId, SharePair]) -> Ciphertexts:
        return tuple((peer, pairs[peer].to_bytes(self._group)) for peer in sorted(pairs))

    def _require(self, found: int, what: str) -> None:
        if found < self._record.threshold:
            raise ThresholdError(what, found, self._record.threshold)
