"""How a joint session comes by its system key: dealt by an authority, or made by the clients."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from crypto.elgamal.threshold import KeyShare, ThresholdKey
from crypto.groups.base import Group
from crypto.parties import ClientId
from crypto.primitives.signatures import VerifyKey
from crypto.protocols.dkg.apart import TASK, KeyGenerationMember, generate_apart
from crypto.protocols.dkg.session import KeyGenerations
from crypto.protocols.dkg.stages import Stage as DkgStage
from crypto.protocols.masking.masking_sum import MaskingSum
from crypto.protocols.quality_sum.key_delivery import (
    LABEL,
    SystemKeyDealing,
    SystemKeyMember,
    Threshold,
)
from crypto.protocols.quality_sum.key_setup import (
    KeySetupServer,
    SystemKeyAuthority,
    SystemKeyReceiver,
    read_public,
)
from crypto.protocols.quality_sum.key_source import Disturbances, KeyReady, KeySource
from crypto.protocols.quality_sum.messages import MessageType
from crypto.protocols.quality_sum.stages import Stage
from crypto.protocols.quality_sum.system_key import HeldKey, SystemKey
from crypto.randomness import SYSTEM, Randomness
from crypto.session.apart.channel import ApartChannel, ApartExchange
from crypto.session.apart.delivery import order_dealing
from crypto.session.apart.participant import Task
from crypto.session.channel import Channel
from crypto.session.consortium import Consortium
from crypto.session.exchange import ChannelExchange
from crypto.session.key_setup import KeySetup, check_key_setup
from crypto.session.runner import StageRunner
from crypto.session.secure_sum import Refusal, SessionAbortedError
from crypto.session.steps import in_turn
from crypto.wire import message_names

AnyGroup: TypeAlias = Group[Any]


class DealtKeys(KeySource):
    """Keys that an authority deals (4.3.1).

    Args:
        group: where they live.
        randomness: where they come from.
        clock: seconds, for the record of costs.
        last_epoch: of the last key that was dealt before, 0 if none; it must outlive a restart.
        consortium: the parties' identities, if they are apart.
    """

    def __init__(
        self,
        group: AnyGroup,
        randomness: Randomness = SYSTEM,
        clock: Callable[[], float] = time.perf_counter,
        last_epoch: int = 0,
        consortium: Consortium | None = None,
    ) -> None:
        self._consortium = consortium or Consortium(signed=False)
        self._group = group
        self._randomness = randomness
        self._clock = clock
        self._epoch = last_epoch

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
        steps = in_turn(channel, lambda _, c, data: clients[c].accept(data))
        exchange = ChannelExchange(channel, holders, steps, server.receive)
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
        return KeyReady(system, frozenset(held), held, channel.costs(), runner.refusals)

    def make_apart(
        self, holders: tuple[ClientId, ...], threshold: int, channel: ApartChannel
    ) -> KeyReady:
        """Have an authority that is apart deal one key; see `KeySource.make_apart`."""
        own = channel.beside(LABEL, message_names(MessageType))
        self._epoch += 1
        server = KeySetupServer(holders, threshold, self._group.name, self._randomness, self._epoch)
        runner = StageRunner(ApartExchange(own, server.receive))
        system: list[SystemKey[Any]] = []

        def deal() -> Mapping[ClientId, bytes]:
            order = server.offer.to_bytes()
            deliveries, public = order_dealing(own, Stage.KEY_SETUP.value, holders, order)
            system.append(read_public(server.offer, public, self._group))
            return deliveries

        with runner.aborting():
            runner.deal(Stage.KEY_SETUP.value, deal, _take_nothing)
            runner.run_stage(Stage.KEY_SETUP.value, lambda: server.announce(system[0].key_id))
            confirmed = runner.close(server.close)
        return KeyReady(system[0], confirmed, {}, runner.costs(), runner.refusals)

    def member_tasks(
        self, client: ClientId, threshold: Threshold, hold: Callable[[HeldKey[Any]], None]
    ) -> dict[str, Task]:
        """Return how a client takes deliveries; see `KeySource.member_tasks`."""
        member = SystemKeyMember(client, self._group, threshold, self._consortium, hold)
        return member.tasks()

    def authority_tasks(self, threshold: Threshold) -> dict[str, Task]:
        """Return how the authority deals; see `KeySource.authority_tasks`."""
        return SystemKeyDealing(self._group, threshold, self._consortium, self._randomness).tasks()


class GeneratedKeys(KeySource):
    """Keys that the clients make by distributed key generation: no authority.

    Args:
        generations: how they make them.
        registry: the verify keys of the clients, once they are known; None if they do not sign.
    """

    def __init__(
        self,
        generations: KeyGenerations[Any],
        registry: Callable[[], Mapping[ClientId, VerifyKey] | None] = lambda: None,
    ) -> None:
        self._generations = generations
        self._registry = registry

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
        costs = made.costs.within(stage)
        return KeyReady(system, frozenset(held), held, costs, _noted(stage, made.refusals))

    def make_apart(
        self, holders: tuple[ClientId, ...], threshold: int, channel: ApartChannel
    ) -> KeyReady:
        """Let clients that are apart make a key; see `KeySource.make_apart`."""
        stage = Stage.KEY_SETUP.value
        server = self._generations.server(holders, threshold, self._registry())
        try:
            made = generate_apart(server, channel)
        except SessionAbortedError as error:
            raise SessionAbortedError(
                stage, error.reason, error.costs.within(stage), _noted(stage, error.refusals)
            ) from error
        system = SystemKey(made.key, made.clients, made.epoch)
        costs = made.costs.within(stage)
        return KeyReady(system, made.holders, {}, costs, _noted(stage, made.refusals))

    def member_tasks(
        self, client: ClientId, threshold: Threshold, hold: Callable[[HeldKey[Any]], None]
    ) -> dict[str, Task]:
        """Return how a client helps to make keys; see `KeySource.member_tasks`."""

        def keep(
            key: ThresholdKey[Any], share: KeyShare, clients: tuple[ClientId, ...], epoch: int
        ) -> None:
            hold(HeldKey(SystemKey(key, clients, epoch), share))

        group, identity = self._generations.group, self._generations.identity(client)
        member = KeyGenerationMember(client, group, identity, self._registry(), threshold, keep)
        return {f"{TASK}/step": member.step}


def key_source(
    key_setup: KeySetup,
    group: AnyGroup,
    masking: MaskingSum,
    randomness: Randomness,
    clock: Callable[[], float],
    last_epoch: int = 0,
) -> KeySource:
    """Return the source of a name.

    Raises:
        ParameterError: for an unknown name.
    """
    check_key_setup(key_setup)
    if key_setup == "authority":
        return DealtKeys(group, randomness, clock, last_epoch, masking.consortium)
    generations = KeyGenerations(group, masking.identity, randomness, clock, last_epoch)
    return GeneratedKeys(generations, lambda: masking.registry)


def _take_nothing(client: ClientId, data: bytes) -> None:
    """Leave it to clients that are apart to take what they were sent."""


def _noted(stage: str, refusals: Sequence[Refusal]) -> tuple[Refusal, ...]:
    return tuple(replace(refusal, stage=stage) for refusal in refusals)
