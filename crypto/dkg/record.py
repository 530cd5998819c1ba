"""What follows from the public postings of a key generation, for clients and server alike.

Whoever has seen the same postings draws the same conclusions: who is disqualified, whose part is
reconstructed, what the key is. Nothing here is secret.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeAlias

from crypto.dkg.messages import Posting
from crypto.domain import domain_hash, encode_id
from crypto.elgamal import PublicKey
from crypto.errors import (
    DecodingError,
    MalformedMessageError,
    ProtocolError,
    ShareError,
    ThresholdError,
    WrongContentError,
)
from crypto.groups import Element, Group
from crypto.parties import ClientId
from crypto.pedersen import Pedersen
from crypto.shamir import holder_point, interpolate
from crypto.threshold_elgamal import ThresholdKey, commitment_at


@dataclass(frozen=True)
class SharePair:
    """A dealer's two polynomials at a receiver's point; secret unless posted.

    Attributes:
        share: s, of the dealer's part of the key.
        blinding: s', which hides it in the commitments.
    """

    share: int = field(repr=False)
    blinding: int = field(repr=False)

    def to_bytes(self, group: Group[Element]) -> bytes:
        """Return both numbers."""
        return group.exponents.encode(self.share) + group.exponents.encode(self.blinding)

    @classmethod
    def from_bytes(cls, data: bytes, group: Group[Element]) -> "SharePair":
        """Read what `to_bytes` wrote.

        Raises:
            DecodingError: for anything else.
        """
        size = group.exponents.element_bytes
        if len(data) != 2 * size:
            raise DecodingError(f"two shares have {2 * size} bytes, not {len(data)}")
        return cls(group.exponents.decode(data[:size]), group.exponents.decode(data[size:]))


Pairs: TypeAlias = Mapping[ClientId, SharePair]
Postings: TypeAlias = Mapping[ClientId, Pairs]


class PublicRecord(Generic[Element]):
    """The public state of one key generation; each `post_...` takes one stage's postings.

    Args:
        group: where the key will live.
        cohort: the clients, in increasing order.
        threshold: e.

    Attributes:
        dealers: those that have dealt.
        qualified: those whose part goes into the key.
        broken: qualified dealers whose part has to be reconstructed.
        verdicts: what clients were found guilty of, each error naming one.
        transcript: the hash of all boards so far.
    """

    def __init__(self, group: Group[Element], cohort: Sequence[ClientId], threshold: int) -> None:
        self.group = group
        self.cohort = cohort
        self.threshold = threshold
        self.qualified: frozenset[ClientId] = frozenset()
        self.broken: frozenset[ClientId] = frozenset()
        self.verdicts: list[ProtocolError] = []
        self.transcript = b""
        self._pedersen = Pedersen(group)
        self._committed: dict[ClientId, tuple[Element, ...]] = {}
        self._accusers: dict[ClientId, set[ClientId]] = {}
        self._opened: dict[ClientId, dict[ClientId, SharePair]] = {}
        self._feldman: dict[ClientId, tuple[Element, ...]] = {}

    @property
    def dealers(self) -> frozenset[ClientId]:
        """Those that have dealt."""
        return frozenset(self._committed)

    @property
    def answerable(self) -> int:
        """Return how many complaints a dealer answers: more would give its part away.

        Every answer opens a share. With c colluders, c + answers < e must hold: at most e - 1
        answers suit parties that follow the protocol, as in the source; against a server that
        withholds shares to provoke complaints, at most n - e do if 2 e > n + c.
        """
        return min(self.threshold - 1, len(self.cohort) - self.threshold)

    def extend_transcript(self, postings: Sequence[Posting]) -> None:
        """Add a board to the hash of all that was posted."""
        parts = [encode_id(p.sender) + p.body for p in postings]
        self.transcript = domain_hash("dkg/transcript", self.transcript, *parts)

    def read_elements(self, data: bytes) -> tuple[Element, ...]:
        """Decode one commitment for each coefficient.

        Raises:
            MalformedMessageError: for anything else.
        """
        try:
            return self.group.decode_all(data, self.threshold)
        except DecodingError as error:
            raise MalformedMessageError(f"commitments: {error}") from error

    def opens(self, dealer: ClientId, receiver: ClientId, pair: SharePair) -> bool:
        """Tell whether a pair is what a dealer has committed to give a receiver: equation (4)."""
        expected = self._at(self._committed[dealer], receiver)
        return self._pedersen.commit(pair.share, pair.blinding) == expected

    def fits_feldman(self, dealer: ClientId, receiver: ClientId, pair: SharePair) -> bool:
        """Tell whether a share fits what its dealer has published of its part: equation (5)."""
        expected = self._at(self._feldman[dealer], receiver)
        return self.group.generator_power(pair.share) == expected

    def opened(self, dealer: ClientId, receiver: ClientId) -> SharePair | None:
        """Return the pair by which a dealer has answered a receiver's complaint."""
        return self._opened.get(dealer, {}).get(receiver)

    def post_commitments(self, commitments: Mapping[ClientId, tuple[Element, ...]]) -> None:
        """Take the dealers' Pedersen commitments."""
        self._committed = dict(commitments)

    def post_complaints(self, complaints: Mapping[ClientId, Sequence[ClientId]]) -> None:
        """Take accuser -> accused; complaints against those who have not dealt are ignored."""
        for accuser, accused in complaints.items():
            for dealer in self.dealers.intersection(accused):
                self._accusers.setdefault(dealer, set()).add(accuser)

    def accusers(self, dealer: ClientId) -> frozenset[ClientId]:
        """Return who complains about a dealer."""
        return frozenset(self._accusers.get(dealer, ()))

    def post_defences(self, defences: Postings) -> None:
        """Take dealer -> accuser -> pair, and fix the set of qualified dealers.

        Raises:
            ThresholdError: if fewer than e dealers are left: one of e at least must be honest.
        """
        qualified = set()
        for dealer in sorted(self.dealers):
            accusers, answers = self.accusers(dealer), defences.get(dealer, {})
            answered = {a: answers[a] for a in accusers & answers.keys()}
            self._opened[dealer] = {
                a: pair for a, pair in answered.items() if self.opens(dealer, a, pair)
            }
            if len(accusers) > self.answerable:
                self._judge(dealer, f"{len(accusers)} clients complain about its dealing")
            elif self._opened[dealer].keys() != accusers:
                self._judge(dealer, "no answer to a complaint, or a false one")
            else:
                qualified.add(dealer)
        if len(qualified) < self.threshold:
            raise ThresholdError("qualified dealers", len(qualified), self.threshold)
        self.qualified = frozenset(qualified)

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

    def _at(self, commitments: Sequence[Element], receiver: ClientId) -> Element:
        return commitment_at(commitments, holder_point(self.cohort, receiver), self.group)

    def _judge(self, client: ClientId, what: str) -> None:
        kind = ShareError if client in self._committed else WrongContentError
        self.verdicts.append(kind(what, client))
