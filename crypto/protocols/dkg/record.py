"""What follows from the public postings of a key generation, for clients and server alike.

Whoever has seen the same postings draws the same conclusions: who is disqualified, whose part is
reconstructed, what the key is. Nothing here is secret.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Generic, TypeAlias

from crypto.domain import domain_hash, encode_id
from crypto.elgamal.encryption import PublicKey
from crypto.elgamal.threshold import ThresholdKey, commitment_at
from crypto.errors import (
    ConsistencyError,
    DecodingError,
    MalformedMessageError,
    ProtocolError,
    ShareError,
    ThresholdError,
    WrongContentError,
)
from crypto.groups.base import Element, Group
from crypto.groups.pedersen import Pedersen
from crypto.parties import SERVER, ClientId, Party, describe
from crypto.primitives.key_agreement import AgreementKeyPair
from crypto.primitives.shamir import holder_point, interpolate
from crypto.protocols.dkg.accusations import Complaints, Evidence
from crypto.protocols.dkg.dealer import ShareChannel
from crypto.protocols.dkg.messages import AdvertisedKeys, Dealing, Posting
from crypto.protocols.dkg.shares import SharePair

UNTOLD: Final = "without signatures it cannot be told whether it was changed on the way"
"""Why a verdict of an unsigned session names nobody."""

Pairs: TypeAlias = Mapping[ClientId, SharePair]
Postings: TypeAlias = Mapping[ClientId, Pairs]


class PublicRecord(Generic[Element]):
    """The public state of one key generation; each `post_...` takes one stage's postings.

    Args:
        group: where the key will live.
        cohort: the clients, in increasing order.
        threshold: e.
        session_id: the session.
        signed: whether postings are. If not, any of them may have been changed on the way, so that
            verdicts stand, but name nobody.

    Attributes:
        qualified: those whose part goes into the key.
        broken: qualified dealers whose part has to be reconstructed.
        verdicts: what parties were found guilty of; in signed sessions each error names one.
        transcript: the hash of all boards so far, 32 bytes.
    """

    def __init__(
        self,
        group: Group[Element],
        cohort: Sequence[ClientId],
        threshold: int,
        session_id: bytes,
        *,
        signed: bool,
    ) -> None:
        self.group = group
        self.cohort = cohort
        self.threshold = threshold
        self.signed = signed
        self.qualified: frozenset[ClientId] = frozenset()
        self.broken: frozenset[ClientId] = frozenset()
        self.verdicts: list[ProtocolError] = []
        self.transcript = domain_hash("dkg/transcript", session_id)
        self.channel = ShareChannel(group, session_id)
        self._pedersen = Pedersen(group)
        self._keys: dict[ClientId, dict[ClientId, bytes]] = {}
        self._all_keys: set[bytes] = set()
        self._dealings: dict[ClientId, Dealing] = {}
        self._committed: dict[ClientId, tuple[Element, ...]] = {}
        self._feldman: dict[ClientId, tuple[Element, ...]] = {}

    @property
    def dealers(self) -> frozenset[ClientId]:
        """Those that have dealt."""
        return frozenset(self._dealings)

    def extend_transcript(self, postings: Sequence[Posting]) -> None:
        """Add a board to the hash of all that was posted."""
        parts = [encode_id(p.sender) + p.body for p in postings]
        self.transcript = domain_hash("dkg/transcript", self.transcript, *parts)

    def read_elements(self, data: bytes) -> tuple[Element, ...]:
        """Decode e commitments, with all membership checks.

        Raises:
            MalformedMessageError: for anything else.
        """
        try:
            return self.group.decode_all(data, self.threshold)
        except DecodingError as error:
            raise MalformedMessageError(str(error)) from error

    def opens(self, dealer: ClientId, receiver: ClientId, pair: SharePair) -> bool:
        """Tell whether a pair is what the dealer committed to for the receiver."""
        if dealer not in self._committed:
            return False
        expected = self._at(self._committed[dealer], receiver)
        return self._pedersen.commit(pair.share, pair.blinding) == expected

    def fits_feldman(self, dealer: ClientId, receiver: ClientId, pair: SharePair) -> bool:
        """Tell whether a share fits the dealer's Feldman commitments."""
        return self.group.generator_power(pair.share) == self._at(self._feldman[dealer], receiver)

    def check_keys(self, message: AdvertisedKeys) -> None:
        """Refuse keys that are not one for each other client, each another.

        Raises:
            ConsistencyError: for keys for others, a missing one, or one key in two places.
        """
        keys = dict(message.keys)
        if keys.keys() != set(self.cohort) - {message.sender}:
            raise ConsistencyError("keys that are not one for each other client")
        if len({*keys.values()}) < len(keys) or not self._all_keys.isdisjoint(keys.values()):
            raise ConsistencyError("one key under two names")

    def post_keys(self, message: AdvertisedKeys) -> None:
        """Take one client's keys, which `check_keys` found right."""
        self._keys[message.sender] = dict(message.keys)
        self._all_keys.update(key for _, key in message.keys)

    def key_for(self, owner: ClientId, peer: ClientId) -> bytes:
        """Return the key that a client advertised for a peer."""
        return self._keys[owner][peer]

    @property
    def present(self) -> frozenset[ClientId]:
        """Those that advertised keys."""
        return frozenset(self._keys)

    def check_dealing(self, message: Dealing, transcript: bytes) -> tuple[Element, ...]:
        """Refuse a dealing that is not whole, or was made under other keys than were posted.

        Args:
            message: the dealing.
            transcript: what it was when the keys were posted.

        Returns:
            The commitments.

        Raises:
            ConsistencyError: for other keys, or receivers that are not all others.
            MalformedMessageError: for what are no commitments or ciphertexts.
        """
        if message.transcript != transcript:
            raise ConsistencyError("a dealing under other keys than were posted")
        receivers = {receiver for receiver, _ in message.ciphertexts}
        if receivers != self.present - {message.sender}:
            raise ConsistencyError("a dealing that is not for all others that advertised keys")
        if any(len(data) != self.channel.ciphertext_bytes for _, data in message.ciphertexts):
            raise MalformedMessageError("ciphertexts of the wrong length")
        return self.read_elements(message.commitments)

    def post_dealing(self, message: Dealing, commitments: tuple[Element, ...]) -> None:
        """Take one dealing, which `check_dealing` found right."""
        self._dealings[message.sender] = message
        self._committed[message.sender] = commitments

    def evidence(self, dealer: ClientId, keys: AgreementKeyPair) -> Evidence:
        """Return what shows everybody what a dealer sent the owner of these keys."""
        return Evidence(dealer, keys.private, self._dealings[dealer].digest())

    def open(
        self, dealer: ClientId, receiver: ClientId, keys: AgreementKeyPair
    ) -> SharePair | None:
        """Return what a dealer sent a receiver; None if it is not what the dealer committed to."""
        ciphertext = dict(self._dealings[dealer].ciphertexts)[receiver]
        dealer_key = self.key_for(dealer, receiver)
        try:
            pair = self.channel.open(dealer, dealer_key, receiver, keys, ciphertext)
        except (WrongContentError, DecodingError):
            return None
        return pair if self.opens(dealer, receiver, pair) else None

    def check_complaints(self, message: Complaints) -> None:
        """Refuse complaints about other dealings than were posted.

        Raises:
            ConsistencyError: so that nobody can be named for what it was shown wrongly.
        """
        if not set(message.accused) <= self.dealers - {message.sender}:
            raise ConsistencyError("complaints about others than the other dealers")
        for evidence in message.evidence:
            if evidence.dealing != self._dealings[evidence.dealer].digest():
                raise ConsistencyError("a complaint about another dealing than was posted")

    def post_complaints(self, complaints: Mapping[ClientId, Complaints]) -> None:
        """Judge complaints, each by its evidence, and fix the set of qualified dealers.

        A complaint that holds disqualifies and names the dealer, any other names its accuser. One
        that the server had to refuse counts for nothing and names the server.

        Raises:
            ThresholdError: if fewer than e dealers are left: one of e at least must be honest.
        """
        guilty: set[ClientId] = set()
        for accuser, complaint in sorted(complaints.items()):
            try:
                self.check_complaints(complaint)
            except ConsistencyError as error:
                self._find(ConsistencyError, SERVER, f"passed on {error.what}")
                continue
            evidence = {found.dealer: found for found in complaint.evidence}
            for dealer in complaint.accused:
                if dealer in evidence and self._convicts(accuser, evidence[dealer]):
                    guilty.add(dealer)
                else:
                    self._judge(accuser, f"a false complaint about client {dealer}")
        for dealer in sorted(guilty):
            self._judge(dealer, "shares that do not fit its commitments, as evidence shows")
        left = self.dealers - guilty
        if len(left) < self.threshold:
            raise ThresholdError("qualified dealers", len(left), self.threshold)
        self.qualified = left

    def post_feldman(self, commitments: Mapping[ClientId, tuple[Element, ...]]) -> None:
        """Take the qualified dealers' Feldman commitments; who posts none is reconstructed."""
        self._feldman = {d: c for d, c in commitments.items() if d in self.qualified}
        self.broken = self.qualified - self._feldman.keys()

    def post_exposures(self, exposures: Postings) -> None:
        """Take accuser -> dealer -> pair; a dealer that is rightly exposed is reconstructed.

        Raises:
            ThresholdError: if fewer than e parts would stay secret: one of them must be an honest
                client's.
        """
        for accuser, pairs in sorted(exposures.items()):
            for dealer, pair in sorted(pairs.items()):
                if dealer not in self._feldman or not self.opens(dealer, accuser, pair):
                    self._judge(accuser, f"a false exposure of client {dealer}")
                elif self.fits_feldman(dealer, accuser, pair):
                    self._judge(accuser, f"an unfounded exposure of client {dealer}")
                elif dealer not in self.broken:
                    self._judge(dealer, "commitments that contradict its dealing")
                    self.broken |= {dealer}
        whole = len(self.qualified - self.broken)
        if whole < self.threshold:
            raise ThresholdError("dealers whose part stays secret", whole, self.threshold)

    def post_reveals(self, reveals: Postings) -> None:
        """Take holder -> dealer -> pair, and reconstruct the parts of broken dealers.

        Raises:
            ThresholdError: if there are too few right shares.
        """
        for dealer in sorted(self.broken):
            right = {}
            for holder, pairs in sorted(reveals.items()):
                if dealer in pairs and self.opens(dealer, holder, pairs[dealer]):
                    right[holder_point(self.cohort, holder)] = pairs[dealer].share
                else:
                    self._judge(holder, f"no right share of client {dealer}'s part")
            if len(right) < self.threshold:
                raise ThresholdError(f"shares of client {dealer}", len(right), self.threshold)
            chosen = dict(sorted(right.items())[: self.threshold])
            polynomial = interpolate(chosen, self.group.exponents)
            self._feldman[dealer] = tuple(map(self.group.generator_power, polynomial))

    def key(self) -> ThresholdKey[Element]:
        """Return the key: the product of all qualified parts; after `post_reveals`."""
        columns = zip(*(self._feldman[dealer] for dealer in sorted(self.qualified)), strict=True)
        commitments = tuple(self.group.product(column) for column in columns)
        return ThresholdKey(PublicKey(self.group, commitments[0]), self.threshold, commitments)

    def digest(self, session_id: bytes) -> bytes:
        """Return the hash that clients confirm: session, qualified dealers and key."""
        dealers = b"".join(map(encode_id, sorted(self.qualified)))
        commitments = self.group.encode_all(self.key().commitments)
        return domain_hash("dkg/key", session_id, dealers, commitments)

    def _convicts(self, accuser: ClientId, evidence: Evidence) -> bool:
        """Tell whether evidence shows that a dealer sent its accuser what it did not commit to."""
        keys = AgreementKeyPair.from_private(evidence.key)
        if keys.public != self.key_for(accuser, evidence.dealer):
            return False
        return self.open(evidence.dealer, accuser, keys) is None

    def _at(self, commitments: Sequence[Element], receiver: ClientId) -> Element:
        return commitment_at(commitments, holder_point(self.cohort, receiver), self.group)

    def _judge(self, client: ClientId, what: str) -> None:
        kind = ShareError if client in self._committed else WrongContentError
        self._find(kind, client, what)

    def _find(self, kind: type[ProtocolError], party: Party, what: str) -> None:
        """Keep a verdict; in unsigned sessions it names nobody and says where it came from."""
        if self.signed:
            self.verdicts.append(kind(what, party))
        else:
            self.verdicts.append(kind(f"{what}, as it came from {describe(party)}: {UNTOLD}"))
