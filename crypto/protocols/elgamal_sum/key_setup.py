"""Where system keys come from: an authority, or the clients themselves."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias

from crypto.codec import Record
from crypto.codings import ClientIds, Uint32
from crypto.domain import domain_hash
from crypto.errors import ConsistencyError, ThresholdError, blaming
from crypto.groups.base import Element, Group
from crypto.parties import AUTHORITY, SERVER, ClientId
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.protocols.dkg.apart import TASK, KeyGenerationMember, generate_apart
from crypto.protocols.dkg.session import KeyGenerations
from crypto.protocols.dkg.stages import Stage as DkgStage
from crypto.protocols.elgamal_sum.authority import KeyAuthority, KeyDelivery, announce
from crypto.protocols.elgamal_sum.client import ElGamalClient
from crypto.protocols.elgamal_sum.messages import KeyAnnouncement
from crypto.randomness import Randomness
from crypto.session.apart.channel import ApartChannel
from crypto.session.apart.delivery import (
    check_receivers,
    enrolled,
    order_dealing,
    read_delivery_keys,
    read_order,
)
from crypto.session.apart.delivery_messages import Dealt, DeliveryKey
from crypto.session.apart.participant import Call, Task
from crypto.session.consortium import Consortium
from crypto.session.costs import Costs
from crypto.session.helped_sum import Stage
from crypto.session.messages import NONCE_BYTES, Nonce
from crypto.session.secure_sum import Refusal
from crypto.session.signing import sign_message, split_signed
from crypto.session.thresholds import MIN_CLIENTS, check_reachable

Threshold: TypeAlias = Callable[[int], int]
"""From a number of clients to the least e that is accepted."""


@dataclass(frozen=True)
class KeyOrder(Record):
    """What an authority that is apart is asked for.

    Attributes:
        nonce: 16 bytes that no other order of this server has.
        clients: who gets a share, in increasing order.
        threshold: e.
    """

    nonce: Nonce
    clients: ClientIds
    threshold: Uint32

    def _check(self) -> None:
        check_reachable(self.threshold, len(self.clients), MIN_CLIENTS)

    def session_id(self) -> bytes:
        """Return the hash by which deliveries name it."""
        return domain_hash("elgamal_sum/key order", self.to_bytes())


class KeySource(ABC, Generic[Element]):
    """Makes system keys for cohorts.

    Attributes:
        authority: the verify key of the authority; None if there is none.
    """

    authority: VerifyKey | None = None

    @abstractmethod
    def make_key(
        self,
        clients: Mapping[ClientId, ElGamalClient[Element]],
        threshold: int,
        absent: frozenset[ClientId],
    ) -> tuple[KeyDelivery, Costs, tuple[Refusal, ...]]:
        """Make a new key.

        Args:
            clients: the cohort.
            threshold: e.
            absent: clients that are not there to help.

        Returns:
            The key, what making it cost beyond the session's own messages, and what was refused.

        Raises:
            SessionAbortedError: if too few clients are there to help.
        """

    @abstractmethod
    def make_apart(
        self,
        cohort: Sequence[ClientId],
        threshold: int,
        channel: ApartChannel,
        registry: Mapping[ClientId, VerifyKey] | None,
    ) -> tuple[KeyDelivery, Costs, tuple[Refusal, ...]]:
        """Make a new key for clients that are apart; run by the server.

        Args:
            cohort: the clients, in increasing order.
            threshold: e.
            channel: of the session that needs the key.
            registry: the verify keys of the clients; None if they do not sign.

        Returns:
            As `make_key`.

        Raises:
            AbortError: if an authority is not there, or refuses.
            SessionAbortedError: as `make_key`.
        """

    @abstractmethod
    def member_tasks(self, client: ElGamalClient[Element], threshold: Threshold) -> dict[str, Task]:
        """Return what a client that is apart does to get its share; run by the client.

        Args:
            client: itself.
            threshold: number of clients -> the least e that it accepts.
        """

    def authority_tasks(self) -> dict[str, Task]:
        """Return what an authority does that is apart; run by it."""
        return {}


class AuthorityKeys(KeySource[Element]):
    """Keys dealt by a trusted authority: section 4.3.1 of the paper.

    Args:
        group: where keys live.
        identity: signs what the authority announces; None if nobody signs.
        randomness: where keys come from.
        consortium: the parties' identities.
        last_epoch: of the last key that the authority's identity has signed, 0 if none.
    """

    def __init__(
        self,
        group: Group[Element],
        identity: SigningIdentity | None,
        randomness: Randomness,
        consortium: Consortium,
        last_epoch: int = 0,
    ) -> None:
        self.authority = identity.verify_key if identity is not None else consortium.authority
        self._authority = KeyAuthority(group, identity, randomness, last_epoch)
        self._consortium = consortium
        self._randomness = randomness

    def make_key(
        self,
        clients: Mapping[ClientId, ElGamalClient[Element]],
        threshold: int,
        absent: frozenset[ClientId],  # noqa: ARG002
    ) -> tuple[KeyDelivery, Costs, tuple[Refusal, ...]]:
        """Let the authority deal; the shares travel with the invitations, to the absent later."""
        receivers = {client: role.agreement_key for client, role in clients.items()}
        return self._authority.deal(receivers, threshold), Costs(), ()

    def make_apart(
        self,
        cohort: Sequence[ClientId],
        threshold: int,
        channel: ApartChannel,
        registry: Mapping[ClientId, VerifyKey] | None,  # noqa: ARG002
    ) -> tuple[KeyDelivery, Costs, tuple[Refusal, ...]]:
        """Let an authority that is apart deal; see `KeySource.make_apart`."""
        order = KeyOrder(self._randomness.bytes(NONCE_BYTES), tuple(cohort), threshold)
        stage = Stage.KEY_SETUP.value
        sealed, public = order_dealing(channel, stage, cohort, order.to_bytes())
        with blaming(AUTHORITY):
            announcement, _, signature = split_signed(
                KeyAnnouncement, public, self.authority is not None
            )
            if not {*sealed} <= {*announcement.clients}:
                raise ConsistencyError("shares for others than the key's holders")
        delivery = KeyDelivery(announcement, frozenset(sealed), signature, sealed)
        return delivery, Costs(), ()

    def member_tasks(
        self,
        client: ElGamalClient[Element],
        threshold: Threshold,  # noqa: ARG002
    ) -> dict[str, Task]:
        """Return how a client tells its key for deliveries; see `KeySource.member_tasks`."""

        def offer_key(call: Call) -> bytes:
            own = enrolled(self._consortium).own
            with blaming(SERVER):
                session_id = KeyOrder.from_bytes(call.data).session_id()
            key = DeliveryKey(session_id, client.client_id, client.agreement_key)
            return sign_message(key, own)

        return {"delivery key": offer_key}

    def authority_tasks(self) -> dict[str, Task]:
        """Return how the authority deals; see `KeySource.authority_tasks`."""
        return {"deal": self._deal_apart}

    def _deal_apart(self, call: Call) -> bytes:
        with blaming(SERVER):
            asked = read_order(call.data, self._consortium)
            order = KeyOrder.from_bytes(asked.order)
            check_receivers(order.clients, self._consortium)
            keys = read_delivery_keys(asked.keys, order.session_id(), self._consortium)
            if not {*keys} <= {*order.clients}:
                raise ConsistencyError("keys of others than the clients")
            if len(keys) < order.threshold:
                raise ThresholdError("clients with a key", len(keys), order.threshold)
        dealt = self._authority.deal(keys, order.threshold)
        public = dealt.announcement.to_bytes() + dealt.signature
        return Dealt(tuple(sorted(dealt.sealed_shares.items())), public).to_bytes()


class GeneratedKeys(KeySource[Element]):
    """Keys that the clients make by distributed key generation: no authority.

    Args:
        generations: how they make them.
        randomness: where the nonces of announcements come from.
    """

    def __init__(self, generations: KeyGenerations[Element], randomness: Randomness) -> None:
        self._generations = generations
        self._randomness = randomness

    def make_key(
        self,
        clients: Mapping[ClientId, ElGamalClient[Element]],
        threshold: int,
        absent: frozenset[ClientId],
    ) -> tuple[KeyDelivery, Costs, tuple[Refusal, ...]]:
        """Let the clients make a key, and keep their shares of it."""
        dropouts = dict.fromkeys(absent, DkgStage.ADVERTISE_KEYS.value)
        made = self._generations.run(tuple(clients), threshold, dropouts)
        for client, share in made.shares.items():
            clients[client].hold(made.key, share, made.clients, made.epoch)
        announcement = announce(made.key, made.clients, self._randomness, made.epoch)
        delivery = KeyDelivery(announcement, frozenset(made.shares))
        return delivery, made.costs, made.refusals

    def make_apart(
        self,
        cohort: Sequence[ClientId],
        threshold: int,
        channel: ApartChannel,
        registry: Mapping[ClientId, VerifyKey] | None,
    ) -> tuple[KeyDelivery, Costs, tuple[Refusal, ...]]:
        """Let clients that are apart make a key; see `KeySource.make_apart`."""
        server = self._generations.server(cohort, threshold, registry)
        made = generate_apart(server, channel)
        announcement = announce(made.key, made.clients, self._randomness, made.epoch)
        return KeyDelivery(announcement, made.holders), made.costs, made.refusals

    def member_tasks(self, client: ElGamalClient[Element], threshold: Threshold) -> dict[str, Task]:
        """Return how a client helps to make keys; see `KeySource.member_tasks`."""
        member = KeyGenerationMember(
            client.client_id,
            self._generations.group,
            client.identity,
            client.registry,
            threshold,
            client.hold,
        )
        return {f"{TASK}/step": member.step}
