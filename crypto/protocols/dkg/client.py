"""One client in one distributed key generation: eight steps, each taken once, in their order."""

from collections.abc import Callable, Mapping

from crypto.elgamal.threshold import KeyShare, ThresholdKey
from crypto.errors import (
    ConsistencyError,
    ForeignMessageError,
    PolicyError,
    ShareError,
    WrongTimeError,
    blaming,
)
from crypto.groups.base import Element, Group
from crypto.parties import SERVER, ClientId
from crypto.primitives.key_agreement import AgreementKeyPair
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.protocols.dkg.accusations import (
    Complaints,
    Confirmation,
    Exposures,
    Reveals,
)
from crypto.protocols.dkg.board_client import BoardClient
from crypto.protocols.dkg.dealer import Dealer
from crypto.protocols.dkg.messages import (
    AdvertisedKeys,
    Dealing,
    FeldmanCommitments,
    Invitation,
)
from crypto.protocols.dkg.policy import GenerationPolicy
from crypto.protocols.dkg.shares import SharePair
from crypto.protocols.dkg.stages import Stage
from crypto.randomness import SYSTEM, Randomness
from crypto.session.joined_sessions import check_identities


class DkgClient(BoardClient[Element]):
    """A client's part in one key generation.

    A message at the wrong time, of another session or malformed is refused and changes nothing.
    Once a message's content was found wrong the generation is over for this client. Its dealer's
    polynomials are forgotten once the last commitments to them are posted.

    Args:
        client_id: its number.
        group: the only group in which it makes keys.
        threshold: the least e that it accepts.
        identity: signs its postings; None for unsigned sessions.
        registry: the verify key of every client of the consortium; needed in signed sessions.
        randomness: where its part of the key comes from.
        policy: what else it insists on: cohort, majority, epoch.
    """

    def __init__(
        self,
        client_id: ClientId,
        group: Group[Element],
        threshold: int,
        identity: SigningIdentity | None = None,
        registry: Mapping[ClientId, VerifyKey] | None = None,
        randomness: Randomness = SYSTEM,
        policy: GenerationPolicy | None = None,
    ) -> None:
        super().__init__(client_id, group, identity, registry)
        self._least_threshold = threshold
        self._randomness = randomness
        self._policy = policy or GenerationPolicy()
        self._keys: dict[ClientId, AgreementKeyPair] = {}
        self._held: dict[ClientId, SharePair] = {}
        self._result: tuple[ThresholdKey[Element], KeyShare] | None = None
        self._confirmed = False
        self._seen = b""
        self._dealer: Dealer[Element]

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
            Stage.EXTRACTION: self.extract,
            Stage.EXPOSURE: self.expose,
            Stage.RECONSTRUCTION: self.reveal,
            Stage.CONFIRMATION: self.confirm,
            Stage.RESULT: self.finish,
        }
        return steps[stage](data)

    def advertise(self, data: bytes) -> bytes:
        """Accept an `Invitation`; return `AdvertisedKeys`.

        Raises:
            ForeignMessageError: if it is for other clients.
            PolicyError: for another group or cohort, a low threshold, or a session without
                signatures.
            ReplayError: for an epoch that is not later than that of the key that is held.
        """
        with blaming(SERVER):
            if self._next is not Stage.ADVERTISE_KEYS:
                raise WrongTimeError(f"client {self.client_id} was invited before")
            agreed = self._policy.agreed(self._registry)
            invitation = Invitation.from_bytes(data, len(agreed) if agreed else None)
            if self.client_id not in invitation.cohort:
                raise ForeignMessageError("an invitation of other clients")
            self._check_policy(invitation)
        self._begin(invitation)
        peers = [client for client in invitation.cohort if client != self.client_id]
        self._keys = {peer: AgreementKeyPair.generate(self._randomness) for peer in peers}
        keys = tuple((peer, pair.public) for peer, pair in self._keys.items())
        return self._seal(AdvertisedKeys(self._session_id, self.client_id, keys))

    def deal(self, data: bytes) -> bytes:
        """Take the `Board` of keys; deal this client's part: return a `Dealing`.

        Raises:
            ConsistencyError: for one key under two names, or keys that are not one for each.
            ThresholdError: if too few clients are there.
        """
        posted = self._take(Stage.DEALING, data, AdvertisedKeys)
        with blaming(SERVER):
            for message in posted.values():
                self._record.check_keys(message)
                self._record.post_keys(message)
        self._require(len(posted), "clients that advertised keys")
        return self._seal(self._make_dealing())

    def complain(self, data: bytes) -> bytes:
        """Take the `Board` of dealings; return `Complaints`, with evidence, about wrong shares.

        Raises:
            ConsistencyError, MalformedMessageError: naming the server, for a dealing that it had
                to refuse: not for all, under other keys, or with other lengths.
        """
        transcript = self._record.transcript
        posted = self._take(Stage.COMPLAINTS, data, Dealing)
        with blaming(SERVER):
            if not posted.keys() <= self._record.present:
                raise ConsistencyError("a dealing of a client that advertised no keys")
            for message in posted.values():
                commitments = self._record.check_dealing(message, transcript)
                self._record.post_dealing(message, commitments)
        accused = []
        for dealer in sorted(posted.keys() - {self.client_id}):
            pair = self._record.open(dealer, self.client_id, self._keys[dealer])
            if pair is None:
                accused.append(dealer)
            else:
                self._held[dealer] = pair
        evidence = tuple(self._record.evidence(d, self._keys[d]) for d in accused)
        return self._seal(Complaints(self._session_id, self.client_id, tuple(accused), evidence))

    def extract(self, data: bytes) -> bytes:
        """Take the `Board` of complaints, which fixes the dealers; return `FeldmanCommitments`.

        Raises:
            ShareError: if this client was disqualified; in unsigned sessions it names nobody.
            ThresholdError: if too few dealers qualify.
        """
        posted = self._take(Stage.EXTRACTION, data, Complaints)
        self._record.post_complaints(posted)
        if self.client_id not in self._record.qualified:
            culprit = self.client_id if self._record.signed else None
            raise ShareError("this client was disqualified, as evidence shows", culprit)
        if not self._record.qualified <= self._held.keys():
            raise ConsistencyError("a complaint of this client counted for nothing", SERVER)
        commitments = self._dealer.feldman_commitments()
        del self._dealer
        return self._seal(FeldmanCommitments(self._session_id, self.client_id, commitments))

    def expose(self, data: bytes) -> bytes:
        """Take the `Board` of Feldman commitments; return `Exposures` of those that are false."""
        posted = self._take(Stage.EXPOSURE, data, FeldmanCommitments)
        with blaming(SERVER):
            self._record.post_feldman(
                {c: self._record.read_elements(m.elements) for c, m in posted.items()}
            )
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
        posted = self._take(Stage.RECONSTRUCTION, data, Exposures)
        same = {c: message for c, message in posted.items() if message.transcript == self._seen}
        self._require(len(same), "clients that were shown the same boards")
        self._record.post_exposures(self._pairs(same))
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
        posted = self._take(Stage.CONFIRMATION, data, Reveals)
        self._record.post_reveals(self._pairs(posted))
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
        posted = self._take(Stage.RESULT, data, Confirmation)
        digest = self._record.digest(self._session_id)
        same = [message for message in posted.values() if message.digest == digest]
        self._require(len(same), "clients that confirm this key")
        self._held = {}
        self._keys = {}
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
        if invitation.signed:
            check_identities(invitation.cohort, self._registry)
        self._policy.check(invitation, self._registry)

    def _make_dealing(self) -> Dealing:
        record, own = self._record, self.client_id
        dealer = self._dealer = Dealer(self._group, record.threshold, self._randomness)
        self._held[own] = dealer.pair_at(self._point(own))
        receivers = {peer: record.key_for(peer, own) for peer in record.present - {own}}
        pairs = {peer: dealer.pair_at(self._point(peer)) for peer in receivers}
        with blaming(SERVER):
            sealed = record.channel.encrypt(own, self._keys, receivers, pairs)
        commitments = dealer.pedersen_commitments()
        return Dealing(self._session_id, own, record.transcript, commitments, sealed)
