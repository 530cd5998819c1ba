"""A server with no honest logic in it: it makes every message up from whatever it has seen.

Two of seven clients are its own; the default threshold bears as many. It drives the five others
through sessions of its making and keeps all that they give away. `Knowledge` is what it can compute
from that: every secret of which it has enough shares, every mask that follows, and the sums of
uploads that come out when these are taken off.
"""

from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from crypto.encoding.residues import ResidueSum
from crypto.errors import AbortError, ParameterError, ProtocolError
from crypto.primitives.key_agreement import AgreementKeyPair
from crypto.primitives.shamir import Reconstructor, Share, holder_point
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.masking.client import MaskingClient
from crypto.protocols.masking.client_session import MaskingClientSession
from crypto.protocols.masking.messages import (
    AdvertisedKeys,
    DealtPair,
    DeliveredShares,
    DirectoryEntry,
    EncryptedShares,
    Invitation,
    KeyDirectory,
    MaskedVector,
    SharePair,
)
from crypto.protocols.masking.pairwise import add_pairwise_masks
from crypto.protocols.masking.parameters import ClientPolicy, MaskingParameters
from crypto.protocols.masking.peers import ShareChannels
from crypto.protocols.masking.unmasking_messages import (
    Agreement,
    AgreementList,
    KeyShare,
    SurvivorSet,
    UnmaskingAnswer,
)
from crypto.randomness import SYSTEM
from crypto.session.signing import SIGNED_MESSAGE, split_signed
from crypto.wire import message_type
from tests.crypto.conformance import random_vectors
from tests.crypto.protocols.masking.cast import dealt_pair

HONEST, COLLUDERS = (1, 2, 3, 4, 5), (6, 7)
COHORT = HONEST + COLLUDERS
LENGTH, BITS = 3, 24
MASK = np.uint64(2**BITS - 1)
PARAMETERS = MaskingParameters.plan(len(COHORT), LENGTH, BITS)
FEWEST = PARAMETERS.threshold - len(COLLUDERS)
"""No sum of fewer honest clients may come out: the threshold less the colluders."""


@dataclass(frozen=True)
class Plan:
    """What the server does otherwise than an honest one in one session.

    Attributes:
        round_id: which vectors it is about.
        parameters: changed fields of `MaskingParameters`.
        cohort: whom it names in the invitation.
        keys: client -> peer -> what the client is shown in place of the peer's keys.
        delivered: client -> the only dealers whose shares it gets.
        survivors: client -> the set that it is told.
        agreements: what stands where an agreement is wanted that nobody signed.
        again: a second set for each client, once it has answered.
        swapped: whether shares are delivered under each other's names.
    """

    round_id: int = 1
    parameters: dict = field(default_factory=dict)
    cohort: tuple = COHORT
    keys: dict = field(default_factory=dict)
    delivered: dict = field(default_factory=dict)
    survivors: dict = field(default_factory=dict)
    agreements: str = "none"
    again: dict = field(default_factory=dict)
    swapped: bool = False


class MaliciousServer:
    """The server, its two clients, and the five whom it plays against, for any number of sessions.

    Args:
        round_class: the honest clients' part in a session.
        policy: what they insist on.
    """

    def __init__(self, round_class=MaskingClientSession, policy=None):
        self.identities = {c: SigningIdentity.generate() for c in COHORT}
        registry = {c: identity.verify_key for c, identity in self.identities.items()}
        policy = policy or ClientPolicy(least_cohort=len(COHORT))
        self.clients = {c: MaskingClient(c, self.identities[c], registry, policy) for c in HONEST}
        self.round_class = round_class
        self.vectors = {r: random_vectors(HONEST, LENGTH, BITS) for r in range(4)}
        self.knowledge = Knowledge(self.vectors)
        self.seen = {}
        self.agreements = {}

    def play(self, plan):
        """Drive one session."""
        _Game(self, plan).run()
        return self


class _Game:
    """One session: all stages, with each client that still answers."""

    def __init__(self, server, plan):
        self.server, self.plan, self.knowledge = server, plan, server.knowledge
        parameters = replace(PARAMETERS, **plan.parameters)
        nonce = SYSTEM.bytes(16)
        self.invitation = Invitation(nonce, plan.round_id, plan.cohort, parameters)
        self.signed = parameters.signed
        self.session_id = self.invitation.session_id()
        self.parts, self.entries, self.told, self.dealt = {}, {}, {}, {}
        self.share_keys = {}

    def run(self):
        self.advertise()
        self.each(self.share)
        self.each(self.deliver)
        self.each(self.confirm)
        self.each(self.unmask)
        if self.plan.again:
            self.plan = replace(self.plan, survivors=self.plan.again)
            self.each(self.confirm)
            self.each(self.unmask)

    def each(self, step):
        for client in list(self.parts):
            attempt(lambda client=client: step(client))

    def advertise(self):
        for client in HONEST:
            joined = attempt(
                lambda client=client: self.server.clients[client].join(self.invitation.to_bytes())
            )
            if joined is None:
                continue
            part, data = joined
            part.__class__ = self.server.round_class
            self.parts[client] = part
            keys, _, signature = split_signed(AdvertisedKeys, data, self.signed)
            self.entries[client] = DirectoryEntry(keys, signature)
        for client in COLLUDERS:
            pairs = self.knowledge.new_pair(), self.knowledge.new_pair()
            self.share_keys[client] = pairs[1]
            self.entries[client] = self.made(client, *(p.public for p in pairs))

    def made(self, client, mask_key, share_key):
        keys = AdvertisedKeys(self.session_id, client, mask_key, share_key, bytes(32))
        return DirectoryEntry(keys, self.signature(client, keys))

    def signature(self, client, message):
        if not self.signed:
            return b""
        return self.server.identities[client].sign(SIGNED_MESSAGE, message.to_bytes())

    def share(self, client):
        shown = {}
        for peer, entry in self.entries.items():
            if peer == client:
                continue
            how = self.plan.keys.get(client, {}).get(peer, "true")
            if (made := self.shown(entry, how)) is not None:
                shown[peer] = made
        self.told[client] = shown
        directory = KeyDirectory(self.session_id, tuple(shown[p] for p in sorted(shown)))
        data = self.parts[client].share_keys(directory.to_bytes())
        message = split_signed(EncryptedShares, data, self.signed)[0]
        self.dealt[client] = dict(message.ciphertexts)
        own = self.entries[client].keys
        for holder, sealed in message.ciphertexts:
            pair = self.knowledge.pairs.get(shown[holder].keys.share_key)
            if pair is not None:  # it was encrypted for a key of the server's
                others = {client: (own.mask_key, own.share_key)}
                channels = ShareChannels.meet(holder, self.session_id, pair, others)
                opened = channels.decrypt(client, DealtPair.from_bytes(sealed).ciphertext)
                shares = SharePair.from_bytes(opened)
                self.reveal(client, "seed", holder, shares.self_mask)
                self.reveal(client, "key", holder, shares.key)

    def shown(self, entry, how):
        """What the server shows in place of an entry."""
        keys = entry.keys
        earlier = self.server.seen.get(keys.sender)
        if how == "dropped":
            return None
        if how == "mask":  # a mask key of the server's, under the true signature
            made = replace(keys, mask_key=self.knowledge.new_pair().public)
            return replace(entry, keys=made)
        if how == "both":
            mask_key, share_key = (self.knowledge.new_pair().public for _ in range(2))
            return replace(entry, keys=replace(keys, mask_key=mask_key, share_key=share_key))
        if how == "earlier" and earlier is not None:  # of an earlier session
            return replace(earlier, keys=replace(earlier.keys, session_id=self.session_id))
        if how == "colluder's":  # signed by somebody, but not by the client
            made = replace(keys, mask_key=self.knowledge.new_pair().public)
            return DirectoryEntry(made, self.signature(COLLUDERS[0], made))
        return entry

    def deliver(self, client):
        own = self.entries[client].keys
        senders = self.plan.delivered.get(client, COHORT)
        pairs = {}
        for dealer in senders:
            if dealer in self.share_keys:
                pairs[dealer] = self.colluders_pair(dealer, client, own)
            elif client in self.dealt.get(dealer, {}):
                pairs[dealer] = self.dealt[dealer][client]
        if self.plan.swapped:
            backwards = [pairs[dealer] for dealer in sorted(pairs, reverse=True)]
            pairs = dict(zip(sorted(pairs), backwards, strict=True))
        pairs.pop(client, None)
        delivered = DeliveredShares(self.session_id, tuple(sorted(pairs.items())))
        vector = self.server.vectors[self.plan.round_id][client]
        data = self.parts[client].masked_input(delivered.to_bytes(), vector)
        if message_type(data) != MaskedVector.TYPE:
            return  # a complaint
        packed = split_signed(MaskedVector, data, self.signed)[0].packed
        told = {p: e.keys.mask_key for p, e in self.told[client].items() if p in pairs}
        own_key = own.mask_key
        self.knowledge.uploads.append(
            Upload(self.plan.round_id, self.session_id, client, own_key, told, packed)
        )
        self.server.seen[client] = self.entries[client]

    def colluders_pair(self, dealer, holder, keys):
        others = {holder: (keys.mask_key, keys.share_key)}
        channels = ShareChannels.meet(dealer, self.session_id, self.share_keys[dealer], others)
        pair = SharePair(Share(1), Share(2))
        return dealt_pair(
            channels.peers[holder].channel.sending, self.session_id, dealer, holder, pair
        )

    def story(self, client):
        return SurvivorSet(self.session_id, tuple(self.plan.survivors.get(client, self.everybody)))

    @property
    def everybody(self):
        return tuple(sorted(self.plan.cohort))

    def confirm(self, client):
        if not self.signed:
            return
        data = self.parts[client].confirm_survivors(self.story(client).to_bytes())
        message, _, signature = split_signed(Agreement, data, signed=True)
        self.server.agreements[client, message.digest] = signature

    def unmask(self, client):
        story = self.story(client)
        if self.signed:
            signatures = {}
            for signer in set(story.survivors) - {client}:
                signatures[signer] = self.agreement(signer, story)
            found = tuple((s, found) for s, found in sorted(signatures.items()) if found)
            data = AgreementList(self.session_id, found).to_bytes()
        else:
            data = story.to_bytes()
        answer = split_signed(UnmaskingAnswer, self.parts[client].unmask(data), self.signed)[0]
        for owner, shown in answer.shares:
            kind = "key" if isinstance(shown, KeyShare) else "seed"
            self.reveal(owner, kind, client, shown.share)

    def agreement(self, signer, story):
        digest = story.digest()
        if signer in COLLUDERS:
            return self.signature(signer, Agreement(self.session_id, signer, digest))
        if true := self.server.agreements.get((signer, digest)):
            return true
        others = [s for (who, _), s in self.server.agreements.items() if who == signer]
        if self.plan.agreements == "of another set" and others:
            return others[-1]
        if self.plan.agreements == "a colluder's":
            return self.signature(COLLUDERS[0], Agreement(self.session_id, signer, digest))
        return bytes(64) if self.plan.agreements == "zeros" else b""

    def reveal(self, owner, kind, holder, share):
        point = holder_point(self.invitation.cohort, holder)
        where = self.session_id, owner, kind
        self.knowledge.shares.setdefault(where, {})[point] = share
        self.knowledge.thresholds[self.session_id] = self.invitation.parameters.threshold


@dataclass(frozen=True)
class Upload:
    """An upload, and which keys its masks were made with."""

    round_id: int
    session_id: bytes
    client: int
    mask_key: bytes
    told: dict
    packed: bytes


class Knowledge:
    """What the server and its clients know, and what follows from it."""

    def __init__(self, vectors):
        self.vectors = vectors
        self.pairs, self.shares, self.thresholds, self.uploads = {}, {}, {}, []

    def new_pair(self):
        pair = AgreementKeyPair.generate(SYSTEM)
        self.pairs[pair.public] = pair
        return pair

    def sums(self):
        """Return the sums that come out: for each round, the honest clients that are in one."""
        secrets = {}
        for where, shares in self.shares.items():
            threshold = self.thresholds[where[0]]
            if len(shares) >= threshold:
                secrets[where] = Reconstructor().reconstruct(shares, threshold)
        for (_, _, kind), secret in secrets.items():
            if kind == "key":
                pair = AgreementKeyPair.from_private(secret)
                self.pairs[pair.public] = pair
        left = {}
        for upload in self.uploads:
            here = left.setdefault((upload.round_id, upload.session_id), {})
            here[upload.client] = self._without_masks(upload, secrets)
        found = set()
        for (number, _), rest in left.items():
            for size in range(1, len(rest) + 1):
                for clients in combinations(sorted(rest), size):
                    total = sum(rest[c] for c in clients) & MASK
                    true = sum(self.vectors[number][c] for c in clients) & MASK
                    if np.array_equal(total, true):
                        found.add((number, clients))
        return found

    def _without_masks(self, upload, secrets):
        total = ResidueSum(LENGTH, BITS)
        total.add_packed(upload.packed)
        if seed := secrets.get((upload.session_id, upload.client, "seed")):
            total.subtract_mask(seed)
        own, rest = self.pairs.get(upload.mask_key), total.to_array().astype(np.uint64)
        for peer, key in upload.told.items():
            if key in self.pairs:  # as the peer sees it, the mask has the other sign
                rest = rest + _mask(peer, self.pairs[key], upload.client, upload)
            elif own is not None:
                rest = rest - _mask(upload.client, own, peer, replace(upload, mask_key=key))
        return rest & MASK


def _mask(owner, pair, peer, upload):
    total = ResidueSum(LENGTH, BITS)
    add_pairwise_masks(total, owner, pair, {peer: upload.mask_key}, upload.session_id)
    return total.to_array().astype(np.uint64)


def attempt(step):
    """Take a step; None if the client refuses it."""
    try:
        return step()
    except (ProtocolError, AbortError, ParameterError):
        return None


def breaches(server):
    """Return what must not come out: sums of too few clients, or a second sum of one round."""
    sums = server.knowledge.sums()
    few = {found for found in sums if len(found[1]) < FEWEST}
    rounds = [number for number, _ in sums]
    second = {found for found in sums if rounds.count(found[0]) > 1}
    return few | second
