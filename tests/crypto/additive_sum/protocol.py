"""A whole protocol as an example: an additive sum among n clients, all of whom must stay.

Every client splits its vector into n random summands modulo 2^k. It keeps one, and sends the others
one each, encrypted, through the server: as seeds that they expand from. What a client then holds,
its own summand and those that it got, it adds up and uploads; the uploads add up to the sum.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

from crypto.codec import ByClient
from crypto.codings import Fixed, Sized, Uint8, Uint32
from crypto.encoding.residues import ResidueSum
from crypto.errors import ConsistencyError, blaming
from crypto.parties import SERVER
from crypto.primitives.aead import TAG_BYTES, decrypt_once, encrypt_once
from crypto.primitives.key_agreement import AgreementKeyPair
from crypto.primitives.prg import SEED_BYTES
from crypto.primitives.share_channel import PairKeys
from crypto.session import messages
from crypto.session.client_session import ClientSession
from crypto.session.joined_sessions import check_identities
from crypto.session.staged_server import StagedServer
from crypto.session.staged_sum import StagedSum
from crypto.session.sum_client import SumClient
from crypto.session.sum_roles import Session, Total

KEY_SETUP, UPLOAD = STAGES = "key setup", "upload"  # in each, a message down and one up
EncryptedSeeds = ByClient[Annotated[bytes, Fixed(SEED_BYTES + TAG_BYTES)]]
MessageType = IntEnum("MessageType", "INVITATION SEEDS DELIVERED_SEEDS PARTIAL_SUM", start=240)


@dataclass(frozen=True)
class Invitation(messages.RoundInvitation):
    TYPE, SESSION = MessageType.INVITATION, "additive_sum/session"
    length: Uint32
    modulus_bits: Uint8
    binding: messages.Binding


@dataclass(frozen=True)
class Seeds(messages.ClientMessage):
    TYPE = MessageType.SEEDS
    encrypted: EncryptedSeeds


@dataclass(frozen=True)
class DeliveredSeeds(messages.SessionMessage):
    TYPE = MessageType.DELIVERED_SEEDS
    encrypted: EncryptedSeeds


@dataclass(frozen=True)
class PartialSum(messages.ClientMessage):
    TYPE = MessageType.PARTIAL_SUM
    packed: Sized


class AdditiveClient(SumClient):
    """A client for any number of sessions; `keys` are the long-term keys of all, which all know."""

    INVITATION = Invitation

    def __init__(self, *who, keys):
        super().__init__(*who)
        self._own, self._known = AgreementKeyPair.generate(self._randomness), keys
        keys[self.client_id] = self._own.public

    def _part(self, invitation, opening):
        check_identities(invitation.cohort, self._known)
        keys = {}
        for peer in invitation.cohort:
            if peer != self.client_id:
                pair = self.client_id, self._own, peer, self._known[peer], opening.session_id
                keys[peer] = PairKeys.derive("additive_sum/seed", *pair)
        seeds = {peer: self._randomness.bytes(SEED_BYTES) for peer in keys}
        return AdditiveClientSession(self, invitation, opening, keys, seeds)


class AdditiveClientSession(ClientSession):  # its state: receiver -> the seed that it sent it
    def __init__(self, owner, invitation, opening, keys, seeds):
        super().__init__(owner.client_id, opening.session_id, seeds, 1 + len(keys), owner.identity)
        self._invitation, self._opening, self._keys = invitation, opening, keys

    def first_answer(self):
        seeds = self._at(dict).items()
        sealed = tuple((peer, encrypt_once(self._keys[peer].sending, s, b"")) for peer, s in seeds)
        return self._answer(Seeds, sealed)

    def step(self, stage, data, vector):
        total = ResidueSum(self._invitation.length, self._invitation.modulus_bits)
        total.add_vector(vector)
        self._opening.check()
        sent, message = self._take(dict, DeliveredSeeds, data)
        if [peer for peer, _ in message.encrypted] != list(sent):
            raise ConsistencyError("seeds of others than the cohort", SERVER)
        for peer, encrypted in message.encrypted:
            total.subtract_mask(sent[peer])
            with blaming(SERVER):
                total.add_mask(decrypt_once(self._keys[peer].receiving, encrypted, b""))
        self._opening.take()
        return self._answer(PartialSum, total.to_packed())


class AdditiveServer(StagedServer):
    def __init__(self, invitation, registry):
        kinds = {KEY_SETUP: Seeds, UPLOAD: PartialSum}
        super().__init__(invitation.session_id(), kinds, len(invitation.cohort), registry)
        self._invitation, self._seeds = invitation, {}
        self._sum = ResidueSum(invitation.length, invitation.modulus_bits)

    def openings(self):
        yield KEY_SETUP, lambda: self._invite(self._invitation.cohort, self._invitation)
        yield UPLOAD, self.deliver_seeds

    def deliver_seeds(self):
        cohort = sorted(self._advance(KEY_SETUP, UPLOAD))
        seeds = {c: tuple((p, self._seeds[p][c]) for p in cohort if p != c) for c in cohort}
        return {c: DeliveredSeeds(self.session_id, seeds[c]).to_bytes() for c in cohort}

    def total(self):
        return Total(self._sum.to_array(), tuple(sorted(self._door.close(UPLOAD))))

    def _accept(self, message, signature):
        match message:
            case Seeds(sender=sender):
                seeds = dict(message.encrypted)
                if seeds.keys() != {*self._invitation.cohort} - {sender}:
                    raise ConsistencyError("seeds for others than the cohort")
                self._seeds[sender] = seeds
            case PartialSum():
                self._sum.add_packed(message.packed)


class AdditiveSum(StagedSum):
    stages, opens_at, message_types = STAGES, UPLOAD, (MessageType,)

    def __init__(self, **options):
        super().__init__(**options)
        self._keys = {}

    def _make_client(self, *who):
        return AdditiveClient(*who, self.consortium.registry, self._randomness, keys=self._keys)

    def _open(self, cohort, agreed, plan, channel):
        nonce = self._randomness.bytes(messages.NONCE_BYTES)
        invitation = Invitation(nonce, plan.round_id, cohort, *agreed, plan.binding)
        return Session(AdditiveServer(invitation, self.consortium.registry))
