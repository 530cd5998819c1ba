"""One client in one distributed key generation: nine steps, each taken once, in their order."""

from collections.abc import Callable, Mapping
from typing import Final, Generic, TypeVar

from crypto.dkg.dealer import Dealer, open_pair, seal_pairs
from crypto.dkg.findings import (
    Complaints,
    Confirmation,
    Defences,
    Exposures,
    OpenedShares,
    Reveals,
)
from crypto.dkg.messages import (
    AdvertisedKey,
    Board,
    Ciphertexts,
    Dealing,
    DeliveredDealings,
    FeldmanCommitments,
    Invitation,
    PedersenCommitments,
    Posting,
)
from crypto.dkg.reading import read_board, read_pairs
from crypto.dkg.record import PublicRecord, SharePair
from crypto.dkg.stages import Stage
from crypto.errors import (
    AuthenticationError,
    ConsistencyError,
    DecodingError,
    ForeignMessageError,
    PolicyError,
    ShareError,
    ThresholdError,
    WrongTimeError,
    blaming,
)
from crypto.groups import Element, Group
from crypto.key_agreement import AgreementKeyPair
from crypto.parties import SERVER, ClientId
from crypto.randomness import SYSTEM, Randomness
from crypto.sealing import SIGNED_MESSAGE, seal
from crypto.session_messages import ClientMessage, SessionMessage
from crypto.shamir import holder_point
from crypto.share_channel import PairKeys
from crypto.signatures import SigningIdentity, VerifyKey
from crypto.threshold_elgamal import KeyShare, ThresholdKey

_ORDER: Final = (*Stage, None)
_M = TypeVar("_M", bound=SessionMessage)
_P = TypeVar("_P", bound=ClientMessage)


class DkgClient(Generic[Element]):
    """A client's part in one key generation.

    A message at the wrong time, of another session or malformed is refused and changes nothing.
    Once a message's content was found wrong the generation is over for this client.

    Args:
        client_id: its number.
        group: the only group in which it makes keys.
        threshold: the least e that it accepts.
        identity: signs its postings; None for unsigned sessions.
        registry: the verify key of every client; needed in signed sessions.
        randomness: where its part of the key comes from.
    """

    def __init__(
        self,
        client_id: ClientId,
        group: Group[Element],
        threshold: int,
        identity: SigningIdentity | None = None,
        registry: Mapping[ClientId, VerifyKey] | None = None,
        randomness: Randomness = SYSTEM,
    ) -> None:
        self.client_id = client_id
        self._group = group
        self._least_threshold = threshold
        self._identity = identity
        self._registry = registry or {}
        self._randomness = randomness
        self._next: Stage | None = Stage.ADVERTISE_KEYS
        self._session_id = b""
        self._keys = AgreementKeyPair.generate(randomness)
        self._peers: dict[ClientId, PairKeys] = {}
        self._held: dict[ClientId, SharePair] = {}
        self._result: tuple[ThresholdKey[Element], KeyShare] | None = None
        self._confirmed = False
        self._seen = b""
        self._dealer: Dealer[Element]
        self._record: PublicRecord[Element]

    @property
    def outcome(self) -> tuple[ThresholdKey[Element], KeyShare]:
        """The key and this client's share of it; after `finish`.

        Raises:
            WrongTimeError: before.
        """
        if self._result is None or not self._confirmed:
            raise WrongTimeError(f"client {self.client_id} has no key yet, or gave up", SERVER)
        return self._result

    def step(self, stage: str, data: bytes) -> bytes | None:
        """Run the step of a stage: `advertise`, `deal` and so on."""
        steps: Mapping[str, Callable[[bytes], bytes | None]] = {
            Stage.ADVERTISE_KEYS: self.advertise,
            Stage.DEALING: self.deal,
            Stage.COMPLAINTS: self.complain,
            Stage.DEFENCE: self.defend,
            Stage.EXTRACTION: self.extract,
            Stage.EXPOSURE: self.expose,
            Stage.RECONSTRUCTION: self.reveal,
            Stage.CONFIRMATION: self.confirm,
            Stage.RESULT: self.finish,
        }
        return steps[stage](data)

    def advertise(self, data: bytes) -> bytes:
        """Accept an `Invitation`; return an `AdvertisedKey`.

        Raises:
            ForeignMessageError: if it is for other clients.
            PolicyError: for another group, a low threshold, or a session without signatures.
        """
        with blaming(SERVER):
            if self._next is not Stage.ADVERTISE_KEYS:
                raise WrongTimeError(f"client {self.client_id} was invited before")
            invitation = Invitation.from_bytes(data)
            if self.client_id not in invitation.cohort:
                raise ForeignMessageError("an invitation of other clients")
            self._check_policy(invitation)
        self._next = Stage.DEALING
        self._session_id = invitation.session_id()
        self._record = PublicRecord(self._group, invitation.cohort, invitation.threshold)
        return self._seal(AdvertisedKey(self._session_id, self.client_id, self._keys.public))

    def deal(self, data: bytes) -> bytes:
        """Take the `Board` of keys; deal this client's part: return a `Dealing`.

        Raises:
            ConsistencyError: for one key under two names.
            ThresholdError: if too few clients are there.
        """
        board = self._take(Stage.DEALING, Board, data)
        posted = self._read(board.postings, AdvertisedKey)
        if len({message.key for message in posted.values()}) < len(posted):
            raise ConsistencyError("one key under two names", SERVER)
        self._require(len(posted), "clients that advertised keys")
        for peer, message in posted.items():
            if peer != self.client_id:
                with blaming(peer):
                    self._peers[peer] = PairKeys.derive(
                        "dkg/share channel",
                        self.client_id,
                        self._keys,
                        peer,
                        message.key,
                        self._session_id,
                    )
        return self._seal(self._make_dealing())

    def complain(self, data: bytes) -> bytes:
        """Take the `DeliveredDealings`; return `Complaints` about dealers of wrong shares."""
        delivered = self._take(Stage.COMPLAINTS, DeliveredDealings, data)
        posted = self._read(delivered.postings, PedersenCommitments)
        if not posted.keys() <= self._peers.keys() | {self.client_id}:
            raise ConsistencyError("commitments of clients that advertised no keys", SERVER)
        self._record.post_commitments(self._elements(posted))
        ciphertexts = dict(delivered.ciphertexts)
        accused = []
        for dealer in sorted(posted.keys() - {self.client_id}):
            pair = self._open(dealer, ciphertexts.get(dealer))
            if pair is None:
                accused.append(dealer)
            else:
                self._held[dealer] = pair
        return self._seal(Complaints(self._session_id, self.client_id, tuple(accused)))

    def defend(self, data: bytes) -> bytes:
        """Take the `Board` of complaints; return `Defences` against those about this client."""
        board = self._take(Stage.DEFENCE, Board, data)
        posted = self._read(board.postings, Complaints)
        self._record.post_complaints({a: message.accused for a, message in posted.items()})
        accusers = self._record.accusers(self.client_id)
        if len(accusers) > self._record.answerable:
            raise ShareError(f"{len(accusers)} complaints about this client's dealing", SERVER)
        pairs = {accuser: self._dealer.pair_at(self._point(accuser)) for accuser in accusers}
        return self._seal(Defences(self._session_id, self.client_id, self._encode(pairs)))

    def extract(self, data: bytes) -> bytes:
        """Take the `Board` of defences, which fixes the dealers; return `FeldmanCommitments`.

        Raises:
            ShareError: if this client was disqualified.
            ThresholdError: if too few dealers qualify.
        """
        board = self._take(Stage.EXTRACTION, Board, data)
        self._record.post_defences(self._pairs(self._read(board.postings, Defences)))
        if self.client_id not in self._record.qualified:
            raise ShareError("this client was disqualified", SERVER)
        for dealer in self._record.qualified:
            answer = self._record.opened(dealer, self.client_id)
            if answer is not None:
                self._held[dealer] = answer
        if not self._record.qualified <= self._held.keys():
            raise ConsistencyError("a complaint of this client was not passed on", SERVER)
        commitments = self._dealer.feldman_commitments()
        return self._seal(FeldmanCommitments(self._session_id, self.client_id, commitments))

    def expose(self, data: bytes) -> bytes:
        """Take the `Board` of Feldman commitments; return `Exposures` of those that are false."""
        board = self._take(Stage.EXPOSURE, Board, data)
        posted = self._read(board.postings, FeldmanCommitments)
        self._record.post_feldman(self._elements(posted))
        if self.client_id in self._record.broken:
            raise ConsistencyError("this client's commitments were not passed on", SERVER)
        pairs = {
            dealer: self._held[dealer]
            for dealer in sorted(self._record.qualified - self._record.broken)
            if not self._record.fits_feldman(dealer, self.client_id, self._held[dealer])
        }
        self._seen = self._record.transcript
        return self._seal(
            Exposures(self._session_id, self.client_id, self._encode(pairs), self._seen)
        )

    def reveal(self, data: bytes) -> bytes:
        """Take the `Board` of exposures; return `Reveals` of shares of broken dealers' parts.

        Raises:
            ThresholdError: if fewer than e clients were shown the same boards as this one, or
                fewer than e parts would stay secret; nothing is revealed then.
        """
        board = self._take(Stage.RECONSTRUCTION, Board, data)
        posted = self._read(board.postings, Exposures)
        same = {c for c, message in posted.items() if message.transcript == self._seen}
        self._require(len(same | {self.client_id}), "clients that were shown the same boards")
        self._record.post_exposures(self._pairs(posted))
        if self.client_id in self._record.broken:
            raise ConsistencyError("this client's part is to be reconstructed", SERVER)
        pairs = {dealer: self._held[dealer] for dealer in self._record.broken}
        return self._seal(Reveals(self._session_id, self.client_id, self._encode(pairs)))

    def confirm(self, data: bytes) -> bytes:
        """Take the `Board` of reveals, which fixes the key; return a `Confirmation`.

        Raises:
            ThresholdError: if a broken dealer's part cannot be reconstructed.
            ShareError: if this client's share does not fit the key.
        """
        board = self._take(Stage.CONFIRMATION, Board, data)
        self._record.post_reveals(self._pairs(self._read(board.postings, Reveals)))
        key = self._record.key()
        total = sum(self._held[dealer].share for dealer in self._record.qualified)
        share = KeyShare(self._point(self.client_id), total % self._group.order)
        with blaming(SERVER):
            key.check_share(share)
        self._result = key, share
        digest = self._record.digest(self._session_id)
        return self._seal(Confirmation(self._session_id, self.client_id, digest))

    def finish(self, data: bytes) -> None:
        """Take the `Board` of confirmations; keep the key if enough clients confirm it.

        Raises:
            ThresholdError: if fewer than e clients confirm the same key as this one.
        """
        board = self._take(Stage.RESULT, Board, data)
        posted = self._read(board.postings, Confirmation)
        digest = self._record.digest(self._session_id)
        same = {c for c, message in posted.items() if message.digest == digest}
        self._require(len(same | {self.client_id}), "clients that confirm this key")
        del self._dealer
        self._held = {}
        self._confirmed = True

    def _check_policy(self, invitation: Invitation) -> None:
        if invitation.group != self._group.name:
            raise PolicyError(f"a key in {invitation.group}, not {self._group.name}")
        if invitation.threshold < self._least_threshold:
            raise PolicyError(
                f"threshold {invitation.threshold} is below the {self._least_threshold} agreed to"
            )
        if invitation.signed != (self._identity is not None):
            raise PolicyError("a session that is signed and should not be, or the reverse")
        strangers = [c for c in invitation.cohort if c not in self._registry]
        if invitation.signed and strangers:
            raise PolicyError(f"clients without known identity: {strangers[:5]}")

    def _make_dealing(self) -> Dealing:
        dealer = self._dealer = Dealer(self._group, self._record.threshold, self._randomness)
        self._held[self.client_id] = dealer.pair_at(self._point(self.client_id))
        commitments = dealer.pedersen_commitments()
        body = PedersenCommitments(self._session_id, self.client_id, commitments).to_bytes()
        signature = b""
        if self._identity is not None:
            signature = self._identity.sign(SIGNED_MESSAGE, body)
        pairs = {peer: dealer.pair_at(self._point(peer)) for peer in self._peers}
        return Dealing(
            self._session_id,
            self.client_id,
            Posting(self.client_id, body, signature),
            seal_pairs(self._group, self._session_id, self.client_id, pairs, self._peers),
        )

    def _open(self, dealer: ClientId, ciphertext: bytes | None) -> SharePair | None:
        """Return a dealer's shares; None if they are none or wrong, a reason to complain."""
        if ciphertext is None:
            return None
        keys, own = self._peers[dealer], self.client_id
        try:
            pair = open_pair(self._group, self._session_id, dealer, own, ciphertext, keys)
        except (AuthenticationError, DecodingError):
            return None
        return pair if self._record.opens(dealer, own, pair) else None

    def _point(self, client: ClientId) -> int:
        return holder_point(self._record.cohort, client)

    def _seal(self, message: ClientMessage) -> bytes:
        return seal(message, self._identity)

    def _take(self, stage: Stage, kind: type[_M], data: bytes) -> _M:
        """Take the present stage's message: from here on, an error ends the generation."""
        with blaming(SERVER):
            if self._next is not stage:
                raise WrongTimeError(f"client {self.client_id} is past this step, or not there yet")
            message = kind.from_bytes(data)
            if message.session_id != self._session_id:
                raise ForeignMessageError("a message of another session")
        self._next = _ORDER[_ORDER.index(stage) + 1]
        return message

    def _read(self, postings: tuple[Posting, ...], kind: type[_P]) -> dict[ClientId, _P]:
        """Read a board and add it to the transcript; the server answers for what it let pass."""
        registry = self._registry if self._identity is not None else None
        self._record.extend_transcript(postings)
        with blaming(SERVER):
            return read_board(postings, kind, self._record.cohort, self._session_id, registry)

    def _elements(
        self, posted: Mapping[ClientId, PedersenCommitments] | Mapping[ClientId, FeldmanCommitments]
    ) -> dict[ClientId, tuple[Element, ...]]:
        with blaming(SERVER):
            return {c: self._record.read_elements(m.elements) for c, m in posted.items()}

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
