"""What a source of system keys does for a joint session; `key_sources.py` has those there are."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from crypto.parties import ClientId
from crypto.protocols.quality_sum.key_delivery import Threshold
from crypto.protocols.quality_sum.system_key import HeldKey, SystemKey
from crypto.session.apart.channel import ApartChannel
from crypto.session.apart.participant import Task
from crypto.session.costs import Costs
from crypto.session.faults import Delay, Drop, Fault
from crypto.session.secure_sum import Refusal


@dataclass(frozen=True)
class Disturbances:
    """What is planned to go wrong in a session.

    Attributes:
        dropouts: client -> the stage in which it no longer answers.
        faults: what happens to single messages.
    """

    dropouts: Mapping[ClientId, str]
    faults: Sequence[Fault]

    def within(self, stage: str, stages: Sequence[str]) -> "Disturbances":
        """Return what goes wrong in one stage, for a set-up that has stages of its own.

        Args:
            stage: in this one.
            stages: what it consists of; who drops out in it does so in the first of them.
        """
        dropouts = {client: stages[0] for client, gone in self.dropouts.items() if gone == stage}
        faults = []
        for fault in self.faults:
            if fault.stage not in (None, stage):
                continue
            late = isinstance(fault.action, Delay) and fault.action.until not in stages
            action = Drop() if late else fault.action
            faults.append(replace(fault, action=action, stage=None))
        return Disturbances(dropouts, tuple(faults))


@dataclass(frozen=True)
class KeyReady:
    """A system key and those who hold it.

    Attributes:
        system: what everybody knows.
        holders: the clients that have a share.
        held: client -> its key and share, as far as clients are at hand.
        costs: what the set-up cost.
        refusals: what was not accepted on the way.
    """

    system: SystemKey[Any]
    holders: frozenset[ClientId]
    held: Mapping[ClientId, HeldKey[Any]]
    costs: Costs
    refusals: tuple[Refusal, ...]


class KeySource(ABC):
    """A way to make system keys."""

    @abstractmethod
    def make(
        self, holders: tuple[ClientId, ...], threshold: int, disturbances: Disturbances
    ) -> KeyReady:
        """Make a key for some clients.

        Args:
            holders: the clients, in increasing order.
            threshold: the paper's e.
            disturbances: what goes wrong in the stage "key setup".

        Raises:
            SessionAbortedError: if fewer than `threshold` clients hold a share in the end.
        """

    @abstractmethod
    def make_apart(
        self, holders: tuple[ClientId, ...], threshold: int, channel: ApartChannel
    ) -> KeyReady:
        """Make a key for some clients that are apart; run by the server.

        Args:
            holders: the clients, in increasing order.
            threshold: the paper's e.
            channel: of the session that needs the key.

        Raises:
            SessionAbortedError: as `make`.
        """

    @abstractmethod
    def member_tasks(
        self, client: ClientId, threshold: Threshold, hold: Callable[[HeldKey[Any]], None]
    ) -> dict[str, Task]:
        """Return what a client that is apart does to get its share; run by the client.

        Args:
            client: itself.
            threshold: number of clients -> the e that it agreed to.
            hold: keeps the key.
        """

    def authority_tasks(self, threshold: Threshold) -> dict[str, Task]:  # noqa: ARG002
        """Return what an authority does that is apart; run by it.

        Args:
            threshold: number of clients -> the e that was agreed to.
        """
        return {}
