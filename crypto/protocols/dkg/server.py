"""The server of distributed key generation: a bulletin board that checks what it pins up.

Each stage takes one posting from every client still there (`receive`) and is closed by
`open_stage`, which makes the next stage's messages. From the public postings the server draws the
same conclusions as the clients, and so knows the key; it never sees a share in the clear but those
that clients post about dealers that cheat or vanish.
"""

from collections.abc import Mapping
from typing import Final, Generic

from crypto.elgamal.threshold import ThresholdKey
from crypto.errors import ConsistencyError, ThresholdError, blaming
from crypto.groups.base import Element, Group
from crypto.parties import ClientId
from crypto.primitives.key_agreement import check_public_key
from crypto.primitives.signatures import VerifyKey
from crypto.protocols.dkg.accusations import (
    Complaints,
    Confirmation,
    Exposures,
    OpenedShares,
    Reveals,
)
from crypto.protocols.dkg.decoding import read_pairs
from crypto.protocols.dkg.messages import (
    AdvertisedKeys,
    Board,
    Dealing,
    FeldmanCommitments,
    Invitation,
    Posting,
)
from crypto.protocols.dkg.record import PublicRecord
from crypto.protocols.dkg.shares import SharePair
from crypto.protocols.dkg.stages import Stage
from crypto.randomness import SYSTEM, Randomness
from crypto.session.admission import Doorkeeper, Kinds
from crypto.session.messages import NONCE_BYTES, ClientMessage

CLIENT_MESSAGES: Final[Kinds] = {
    Stage.ADVERTISE_KEYS: AdvertisedKeys,
    Stage.DEALING: Dealing,
    Stage.COMPLAINTS: Complaints,
    Stage.EXTRACTION: FeldmanCommitments,
    Stage.EXPOSURE: Exposures,
    Stage.RECONSTRUCTION: Reveals,
    Stage.CONFIRMATION: Confirmation,
}
_ORDER: Final = tuple(Stage)


class DkgServer(Generic[Element]):
    """The server's part in one key generation.

    Args:
        cohort: the clients asked, in increasing order.
        threshold: e.
        group: where the key will live.
        registry: the verify keys of the clients; None in sessions without signatures.
        randomness: where the session's nonce comes from.
        epoch: the number of the key, later than that of every key before.

    Raises:
        ParameterError: for a cohort out of order, or an impossible threshold or epoch.

    Attributes:
        record: what follows from the postings so far.
        epoch: as given.
        finished: the clients that hold a share of the key; after the last stage was opened.
    """

    def __init__(
        self,
        cohort: tuple[ClientId, ...],
        threshold: int,
        group: Group[Element],
        registry: Mapping[ClientId, VerifyKey] | None = None,
        randomness: Randomness = SYSTEM,
        epoch: int = 1,
    ) -> None:
        nonce = randomness.bytes(NONCE_BYTES)
        self._invitation = Invitation(
            nonce, epoch, cohort, threshold, group.name, registry is not None
        )
        self.epoch = epoch
        self.session_id = self._invitation.session_id()
        self.record: PublicRecord[Element] = PublicRecord(
            group, cohort, threshold, self.session_id, signed=registry is not None
        )
        self._door = Doorkeeper(self.session_id, CLIENT_MESSAGES, threshold, registry)
        self._posted: dict[ClientId, tuple[ClientMessage, bytes]] = {}
        self._dealt: dict[ClientId, tuple[Dealing, tuple[Element, ...]]] = {}
        self.finished: frozenset[ClientId] = frozenset()

    def open_stage(self, stage: Stage) -> dict[ClientId, bytes]:
        """Close the stage before and return this one's messages.

        Raises:
            ThresholdError: if too few clients are left, or dealers qualify.
            WrongTimeError: out of order.
        """
        if stage is Stage.ADVERTISE_KEYS:
            self._door.open(stage, frozenset(self._invitation.cohort))
            return dict.fromkeys(self._invitation.cohort, self._invitation.to_bytes())
        before = _ORDER[_ORDER.index(stage) - 1]
        present = self._door.close(before)
        posted = {client: self._posted[client] for client in sorted(present)}
        present = self._conclude(before, present, posted)
        if stage is not Stage.RESULT:
            self._door.open(stage, present)
        messages = self._messages(stage, present, posted)
        self._posted = {}
        return messages

    def receive(self, sender: ClientId, data: bytes) -> None:
        """Take a client's posting for the present stage.

        Args:
            sender: the client, as the transport knows it.
            data: the encoded message.

        Raises:
            MalformedMessageError, WrongTimeError, ForeignMessageError, ReplayError,
            SignatureError: as in `Doorkeeper.admit`.
            WrongContentError: for commitments, shares or receivers that cannot be.

        Guarantees: a refused message changes nothing; every error names `sender`.
        """
        with blaming(sender):
            message, signature = self._door.admit(sender, data)
            self._check(message)
            self._posted[sender] = message, signature
            self._door.accept(sender)

    def key(self) -> ThresholdKey[Element]:
        """Return the key; after the last stage was opened."""
        return self.record.key()

    def _check(self, message: ClientMessage) -> None:
        match message:
            case AdvertisedKeys():
                self.record.check_keys(message)
                for _, key in message.keys:
                    check_public_key(key)
                self.record.post_keys(message)
            case Dealing():
                commitments = self.record.check_dealing(message, self.record.transcript)
                self._dealt[message.sender] = message, commitments
            case Complaints():
                self.record.check_complaints(message)
            case FeldmanCommitments(elements=elements):
                self.record.read_elements(elements)
            case Exposures(transcript=transcript) if transcript != self.record.transcript:
                raise ConsistencyError("another transcript than this session's")
            case OpenedShares():
                read_pairs(message, self.record.group)
            case Confirmation(digest=digest):
                if digest != self.record.digest(self.session_id):
                    raise ConsistencyError("confirmation of another key")

    def _conclude(
        self,
        stage: Stage,
        present: frozenset[ClientId],
        posted: Mapping[ClientId, tuple[ClientMessage, bytes]],
    ) -> frozenset[ClientId]:
        """Draw the conclusions from a closed stage; return who goes on."""
        record = self.record
        messages = {client: message for client, (message, _) in posted.items()}
        match stage:
            case Stage.DEALING:
                for dealing, commitments in self._dealt.values():
                    record.post_dealing(dealing, commitments)
            case Stage.COMPLAINTS:
                record.post_complaints(
                    {c: m for c, m in messages.items() if isinstance(m, Complaints)}
                )
                present &= record.qualified
            case Stage.EXTRACTION:
                record.post_feldman(
                    {
                        c: record.read_elements(m.elements)
                        for c, m in messages.items()
                        if isinstance(m, FeldmanCommitments)
                    }
                )
            case Stage.EXPOSURE:
                record.post_exposures(self._pairs(messages))
                present -= record.broken
            case Stage.RECONSTRUCTION:
                record.post_reveals(self._pairs(messages))
            case Stage.CONFIRMATION:
                self.finished = present
        if len(present) < record.threshold:
            raise ThresholdError(f"clients after stage {stage!s}", len(present), record.threshold)
        return present

    def _messages(
        self,
        stage: Stage,  # noqa: ARG002
        present: frozenset[ClientId],
        posted: Mapping[ClientId, tuple[ClientMessage, bytes]],
    ) -> dict[ClientId, bytes]:
        postings = tuple(
            Posting(client, message.to_bytes(), signature)
            for client, (message, signature) in posted.items()
        )
        self.record.extend_transcript(postings)
        return dict.fromkeys(sorted(present), Board(self.session_id, postings).to_bytes())

    def _pairs(
        self, messages: Mapping[ClientId, ClientMessage]
    ) -> dict[ClientId, dict[ClientId, SharePair]]:
        return {
            client: read_pairs(message, self.record.group)
            for client, message in messages.items()
            if isinstance(message, OpenedShares)
        }
