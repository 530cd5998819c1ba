"""The set-up in which an authority deals the system key (4.3.1): its roles and its one stage."""

from collections.abc import Mapping
from typing import Final, Generic

from crypto.elgamal.encryption import PublicKey
from crypto.elgamal.threshold import KeyDealer, KeyShare, ThresholdKey
from crypto.errors import (
    ConsistencyError,
    DecodingError,
    ForeignMessageError,
    MalformedMessageError,
    ParameterError,
    ReplayError,
    WrongTimeError,
    blaming,
)
from crypto.groups.base import Element, Group
from crypto.parties import AUTHORITY, SERVER, ClientId
from crypto.primitives.shamir import holder_point
from crypto.protocols.quality_sum.key_messages import (
    DealtSystemKey,
    SystemKeyOffer,
    SystemKeyReceipt,
)
from crypto.protocols.quality_sum.stages import Stage
from crypto.protocols.quality_sum.system_key import HeldKey, SystemKey
from crypto.randomness import SYSTEM, Randomness
from crypto.session.messages import NONCE_BYTES, ClientMessage
from crypto.session.staged_server import StagedServer

CLIENT_MESSAGES: Final[Mapping[str, type[ClientMessage]]] = {Stage.KEY_SETUP: SystemKeyReceipt}


class SystemKeyAuthority(Generic[Element]):
    """The paper's trusted authority: it makes one system key and deals it to the clients.

    The channel from the authority to a client is assumed to be private and authentic; what it sends
    is counted like all messages. It forgets the secret on dealing: see `KeyDealer`.

    Args:
        offer: the set-up, as the server announced it.
        group: the group that it names.
        randomness: where the key comes from.
        last_epoch: of the last key that was dealt, 0 if none.

    Raises:
        ReplayError: naming the server, if the offer's epoch is not later.
    """

    def __init__(
        self,
        offer: SystemKeyOffer,
        group: Group[Element],
        randomness: Randomness = SYSTEM,
        last_epoch: int = 0,
    ) -> None:
        _check_later(offer.epoch, last_epoch)
        self._offer = offer
        self._dealer = KeyDealer(group, randomness)
        self._system: SystemKey[Element] | None = None

    def deal(self) -> dict[ClientId, bytes]:
        """Return a `DealtSystemKey` for each holder; can be done once.

        Raises:
            WrongTimeError: if this authority has dealt before: it no longer knows the secret.
        """
        holders = self._offer.holders
        points = [holder_point(holders, holder) for holder in holders]
        dealing = self._dealer.deal(self._offer.threshold, points)
        self._system = SystemKey(dealing.key, holders, self._offer.epoch)
        group = dealing.key.group
        commitments = tuple(map(group.encode, dealing.key.commitments))
        return {
            holder: DealtSystemKey(
                self._offer.session_id(), holder, commitments, group.exponents.encode(share.value)
            ).to_bytes()
            for holder, share in zip(holders, dealing.shares, strict=True)
        }

    def public(self) -> SystemKey[Element]:
        """Return what everybody may know of the key that was dealt.

        Raises:
            WrongTimeError: if none was.
        """
        if self._system is None:
            raise WrongTimeError("no key was dealt yet", AUTHORITY)
        return self._system


class SystemKeyReceiver(Generic[Element]):
    """One client in one set-up.

    Args:
        client_id: the client.
        group: the group that it agreed to.
        threshold: the e that it agreed to.
        last_epoch: of the key that it holds, 0 if none.

    Attributes:
        held: the key and its share, once the offer is accepted.
    """

    def __init__(
        self, client_id: ClientId, group: Group[Element], threshold: int, last_epoch: int = 0
    ) -> None:
        self._client_id = client_id
        self._group = group
        self._threshold = threshold
        self._last_epoch = last_epoch
        self._dealt: DealtSystemKey | None = None
        self.held: HeldKey[Element] | None = None

    def take(self, data: bytes) -> None:
        """Keep what the authority dealt until the server's offer says for what.

        Args:
            data: a `DealtSystemKey`.

        Raises:
            MalformedMessageError, ForeignMessageError, ReplayError: naming the authority.
        """
        with blaming(AUTHORITY):
            message = DealtSystemKey.from_bytes(data, self._threshold)
            if message.receiver != self._client_id:
                raise ForeignMessageError("a share of another client")
            if self._dealt is not None or self.held is not None:
                raise ReplayError("a second share")
        self._dealt = message

    def accept(self, data: bytes) -> bytes:
        """Key set-up: check the share that the authority dealt, and confirm it.

        Args:
            data: a `SystemKeyOffer`.

        Returns:
            A `SystemKeyReceipt`.

        Raises:
            ConsistencyError: if the offer is not what the client agreed to.
            ReplayError: if it was accepted before, or its epoch is not later than that of the key
                at hand.
            WrongTimeError: naming the authority, if it has dealt nothing yet.
            ForeignMessageError, MalformedMessageError, ShareError: naming the authority, if what
                it dealt is for another set-up, does not decode, or does not fit its commitments.
        """
        with blaming(SERVER):
            offer = SystemKeyOffer.from_bytes(data)
            if self.held is not None:
                raise ReplayError("an offer that was accepted before")
            if self._client_id not in offer.holders:
                raise ForeignMessageError("an offer to other clients")
            if (offer.group, offer.threshold) != (self._group.name, self._threshold):
                raise ConsistencyError("a group or threshold other than agreed to")
            _check_later(offer.epoch, self._last_epoch)
        with blaming(AUTHORITY):
            if self._dealt is None:
                raise WrongTimeError("no share was dealt")
            self.held = self._check(offer, self._dealt)
        self._dealt = None
        return SystemKeyReceipt(
            offer.session_id(), self._client_id, self.held.system.key_id
        ).to_bytes()

    def _check(self, offer: SystemKeyOffer, dealt: DealtSystemKey) -> HeldKey[Element]:
        if dealt.session_id != offer.session_id():
            raise ForeignMessageError("a share for another set-up")
        try:
            commitments = tuple(map(self._group.decode, dealt.commitments))
            value = self._group.exponents.decode(dealt.share)
            public = PublicKey(self._group, commitments[0] if commitments else self._group.identity)
            key = ThresholdKey(public, offer.threshold, commitments)
        except (DecodingError, ParameterError) as error:
            raise MalformedMessageError(str(error)) from error
        share = KeyShare(holder_point(offer.holders, self._client_id), value)
        key.check_share(share)
        return HeldKey(SystemKey(key, offer.holders, offer.epoch), share)


class KeySetupServer(StagedServer):
    """The server in one set-up: it announces it and notes who holds a share.

    Args:
        holders: the clients that get a share, in increasing order.
        threshold: the paper's e.
        group: name of the group.
        randomness: where the nonce comes from.
        epoch: the number of the key.
    """

    def __init__(
        self,
        holders: tuple[ClientId, ...],
        threshold: int,
        group: str,
        randomness: Randomness = SYSTEM,
        epoch: int = 1,
    ) -> None:
        nonce = randomness.bytes(NONCE_BYTES)
        self.offer = SystemKeyOffer(nonce, epoch, holders, threshold, group)
        """What it announces."""
        super().__init__(self.offer.session_id(), CLIENT_MESSAGES, threshold)
        self._key_id = b""

    def announce(self, key_id: bytes) -> dict[ClientId, bytes]:
        """Return a `SystemKeyOffer` for each client.

        Args:
            key_id: of the key that the authority made public.
        """
        self._key_id = key_id
        self._begin(Stage.KEY_SETUP, frozenset(self.offer.holders))
        return dict.fromkeys(self.offer.holders, self.offer.to_bytes())

    def close(self) -> frozenset[ClientId]:
        """Close the set-up; return the clients that hold a share.

        Raises:
            ThresholdError: if they are fewer than the threshold.
        """
        return self._door.close(Stage.KEY_SETUP)

    def _accept(self, message: ClientMessage, signature: bytes) -> None:  # noqa: ARG002
        if isinstance(message, SystemKeyReceipt) and message.key_id != self._key_id:
            raise ConsistencyError("a receipt for another key")


def read_public(offer: SystemKeyOffer, public: bytes, group: Group[Element]) -> SystemKey[Element]:
    """Return a key that an authority dealt who is apart; run by the server.

    Args:
        offer: what it was asked for.
        public: the commitments, encoded one after the other.
        group: the group that the offer names.

    Raises:
        MalformedMessageError: naming the authority, for what are no elements.
    """
    with blaming(AUTHORITY):
        commitments = group.decode_all(public, offer.threshold)
        try:
            key = ThresholdKey(PublicKey(group, commitments[0]), offer.threshold, commitments)
        except ParameterError as error:
            raise MalformedMessageError(str(error)) from error
    return SystemKey(key, offer.holders, offer.epoch)


def _check_later(epoch: int, last: int) -> None:
    if epoch <= last:
        raise ReplayError(f"a system key of epoch {epoch} after one of epoch {last}", SERVER)
