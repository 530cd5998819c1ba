"""System keys that an authority deals to clients that are apart: its part, and a client's."""

from collections.abc import Callable
from typing import Any, TypeAlias

from crypto.errors import PolicyError, WrongTimeError, blaming
from crypto.groups.base import Group
from crypto.parties import SERVER, ClientId
from crypto.protocols.quality_sum.key_messages import SystemKeyOffer
from crypto.protocols.quality_sum.key_setup import SystemKeyAuthority, SystemKeyReceiver
from crypto.protocols.quality_sum.system_key import HeldKey
from crypto.randomness import SYSTEM, Randomness
from crypto.session.apart.delivery import (
    check_receivers,
    delivery_tasks,
    read_delivery_keys,
    read_order,
    seal_all,
)
from crypto.session.apart.participant import Call, Task
from crypto.session.consortium import Consortium

LABEL = "system key"
"""Is put after the label of the sums that the key is for."""

Threshold: TypeAlias = Callable[[int], int]
"""From a number of clients to the e that was agreed to."""


class SystemKeyMember:
    """One client that gets its shares of system keys, one at a time.

    Args:
        client_id: the client.
        group: the group that it agreed to.
        threshold: the e that it agreed to.
        consortium: as the client knows it.
        hold: keeps a key.
    """

    def __init__(
        self,
        client_id: ClientId,
        group: Group[Any],
        threshold: Threshold,
        consortium: Consortium,
        hold: Callable[[HeldKey[Any]], None],
    ) -> None:
        self._client_id = client_id
        self._group = group
        self._threshold = threshold
        self._consortium = consortium
        self._hold = hold
        self._epoch = 0
        self._receiver: SystemKeyReceiver[Any] | None = None

    def tasks(self) -> dict[str, Task]:
        """Return what the client does."""
        delivery = delivery_tasks(self._client_id, self._consortium, self._begin, self._take)
        tasks: dict[str, Task] = {**delivery, "sum": self._accept}
        return {f"{LABEL}/{name}": task for name, task in tasks.items()}

    def _begin(self, order: bytes) -> bytes:
        offer = SystemKeyOffer.from_bytes(order, len(self._consortium.registry or ()))
        threshold = self._threshold(len(offer.holders))
        self._receiver = SystemKeyReceiver(self._client_id, self._group, threshold, self._epoch)
        return offer.session_id()

    def _take(self, dealt: bytes) -> None:
        self._present().take(dealt)

    def _accept(self, call: Call) -> bytes:
        receiver = self._present()
        receipt = receiver.accept(call.data)
        held, self._receiver = receiver.held, None
        if held is not None:
            self._hold(held)
            self._epoch = held.system.epoch
        return receipt

    def _present(self) -> SystemKeyReceiver[Any]:
        if self._receiver is None:
            raise WrongTimeError("no set-up of a system key is under way", SERVER)
        return self._receiver


class SystemKeyDealing:
    """The authority, for any number of system keys.

    Args:
        group: where they live.
        threshold: the e that was agreed to; offers below it are refused.
        consortium: as the authority knows it.
        randomness: where keys come from.
    """

    def __init__(
        self,
        group: Group[Any],
        threshold: Threshold,
        consortium: Consortium,
        randomness: Randomness = SYSTEM,
    ) -> None:
        self._group = group
        self._threshold = threshold
        self._consortium = consortium
        self._randomness = randomness
        self._epoch = 0

    def tasks(self) -> dict[str, Task]:
        """Return what the authority does."""
        return {f"{LABEL}/deal": self._deal}

    def _deal(self, call: Call) -> bytes:
        with blaming(SERVER):
            order = read_order(call.data, self._consortium)
            offer = SystemKeyOffer.from_bytes(order.order)
            check_receivers(offer.holders, self._consortium)
            least = self._threshold(len(offer.holders))
            if offer.group != self._group.name or offer.threshold < least:
                raise PolicyError(
                    f"a key in {offer.group} with threshold {offer.threshold}; agreed are "
                    f"{self._group.name} and {least}"
                )
            session_id = offer.session_id()
            keys = read_delivery_keys(order.keys, session_id, self._consortium)
            authority = SystemKeyAuthority(offer, self._group, self._randomness, self._epoch)
        self._epoch = offer.epoch
        dealt = authority.deal()
        public = self._group.encode_all(authority.public().key.commitments)
        return seal_all(dealt, keys, session_id, self._consortium, public=public)
