"""How a joint session comes by its system key: dealt by an authority, or made by the clients."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from crypto.groups.base import Group
from crypto.parties import ClientId
from crypto.protocols.dkg.session import KeyGenerations
from crypto.protocols.dkg.stages import Stage as DkgStage
from crypto.protocols.masking.masking_sum import MaskingSum
from crypto.protocols.quality_sum.key_setup import (
    KeySetupServer,
    SystemKeyAuthority,
    SystemKeyReceiver,
)
from crypto.protocols.quality_sum.messages import MessageType
from crypto.protocols.quality_sum.stages import Stage
from crypto.protocols.quality_sum.system_key import HeldKey, SystemKey
from crypto.randomness import SYSTEM, Randomness
from crypto.session.channel import Channel
from crypto.session.costs import Costs
from crypto.session.exchange import ChannelExchange
from crypto.session.faults import Delay, Drop, Fault
from crypto.session.key_setup import KeySetup, check_key_setup
from crypto.session.runner import StageRunner
from crypto.session.secure_sum import Refusal, SessionAbortedError
from crypto.wire import message_names

AnyGroup: TypeAlias = Group[Any]


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
        held: client -> its key and share.
        costs: what the set-up cost.
        refusals: what was not accepted on the way.
    """

    system: SystemKey[Any]
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


class DealtKeys(KeySource):
    """Keys that an authority deals (4.3.1).

    Args:
        group: where they live.
        randomness: where they come from.
        clock: seconds, for the record of costs.
    """

    def __init__(
        self,
        group: AnyGroup,
        randomness: Randomness = SYSTEM,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._group = group
        self._randomness = randomness
        self._clock = clock
        self._epoch = 0

    def make(
        self, holders: tuple[ClientId, ...], threshold: int, disturbances: Disturbances
    ) -> KeyReady:
        """Have an authority deal one key; see `KeySource.make`."""
        stage = Stage.KEY_SETUP.value
        plan = disturbances.within(stage, (stage,))
        channel = Channel(
            (stage,), message_names(MessageType), plan.dropouts, plan.faults, self._clock
        )
        last, self._epoch = self._epoch, self._epoch + 1
        name = self._group.name
        server = KeySetupServer(holders, threshold, name, self._randomness, self._epoch)
        authority = SystemKeyAuthority(server.offer, self._group, self._randomness, last)
        clients = {c: SystemKeyReceiver(c, self._group, threshold, last) for c in holders}
        exchange = ChannelExchange(
            channel, holders, lambda _, c, data: clients[c].accept(data), server.receive
        )
        runner = StageRunner(exchange)
        with runner.aborting():
            runner.deal(stage, authority.deal, lambda client, data: clients[client].take(data))
            system = authority.public()
            runner.run_stage(stage, lambda: server.announce(system.key_id))
            confirmed = runner.close(server.close)
        held = {
            client: receiver.held
            for client, receiver in clients.items()
            if client in confirmed and receiver.held is not None
        }
        return KeyReady(system, held, channel.costs(), runner.refusals)


class GeneratedKeys(KeySource):
    """Keys that the clients make by distributed key generation: no authority.

    Args:
        generations: how they make them.
    """

    def __init__(self, generations: KeyGenerations[Any]) -> None:
        self._generations = generations

    def make(
        self, holders: tuple[ClientId, ...], threshold: int, disturbances: Disturbances
    ) -> KeyReady:
        """Let the clients make a key; all its stages are recorded as one, "key setup"."""
        stage = Stage.KEY_SETUP.value
        plan = disturbances.within(stage, [own.value for own in DkgStage])
        try:
            made = self._generations.run(holders, threshold, plan.dropouts, plan.faults)
        except SessionAbortedError as error:
            raise SessionAbortedError(
                stage, error.reason, error.costs.within(stage), _noted(stage, error.refusals)
            ) from error
        system = SystemKey(made.key, made.clients, made.epoch)
        held = {client: HeldKey(system, share) for client, share in made.shares.items()}
        return KeyReady(system, held, made.costs.within(stage), _noted(stage, made.refusals))


def key_source(
    key_setup: KeySetup,
    group: AnyGroup,
    masking: MaskingSum,
    randomness: Randomness,
    clock: Callable[[], float],
) -> KeySource:
    """Return the source of a name.

    Raises:
        ParameterError: for an unknown name.
    """
    check_key_setup(key_setup)
    if key_setup == "authority":
        return DealtKeys(group, randomness, clock)
    return GeneratedKeys(KeyGenerations(group, masking.identity, randomness, clock))


def _noted(stage: str, refusals: Sequence[Refusal]) -> tuple[Refusal, ...]:
    return tuple(replace(refusal, stage=stage) for refusal in refusals)
