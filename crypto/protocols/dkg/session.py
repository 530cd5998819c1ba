"""One distributed key generation from end to end: the roles, the channel between them, the key."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Generic

from crypto.elgamal.encryption import PublicKey
from crypto.elgamal.threshold import KeyShare, ThresholdKey
from crypto.errors import AbortError, ParameterError, ProtocolError
from crypto.groups.base import Element, Group
from crypto.parties import SERVER, ClientId
from crypto.primitives.shamir import holder_point
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.protocols.dkg.client import DkgClient
from crypto.protocols.dkg.messages import MessageType
from crypto.protocols.dkg.policy import GenerationPolicy
from crypto.protocols.dkg.server import DkgServer
from crypto.protocols.dkg.stages import Stage
from crypto.randomness import SYSTEM, Randomness
from crypto.session.channel import Channel
from crypto.session.costs import Costs
from crypto.session.exchange import ChannelExchange
from crypto.session.faults import Fault
from crypto.session.runner import StageRunner
from crypto.session.secure_sum import Refusal
from crypto.session.steps import in_turn
from crypto.session.thresholds import MIN_CLIENTS
from crypto.wire import message_names


@dataclass(frozen=True)
class KeyGeneration(Generic[Element]):
    """The outcome of a key generation.

    Attributes:
        key: the public part, as the server and every client know it.
        clients: the cohort; x_i is the place, from 1.
        shares: client -> its share, for the clients that finished; in a real run each has its own.
        qualified: the dealers whose part is in the key.
        epoch: the number of the key, which clients confirmed with it.
        costs: what the generation cost.
        refusals: messages that were not accepted, and who was found cheating.
    """

    key: ThresholdKey[Element]
    clients: tuple[ClientId, ...]
    shares: Mapping[ClientId, KeyShare] = field(repr=False)
    qualified: frozenset[ClientId]
    epoch: int
    costs: Costs
    refusals: tuple[Refusal, ...]

    @property
    def public_key(self) -> PublicKey[Element]:
        """The public key h = g^s."""
        return self.key.public_key

    @property
    def verification_keys(self) -> dict[ClientId, Element]:
        """Client -> g^(s_i), for every client that finished."""
        return {
            client: self.key.verification_key(holder_point(self.clients, client))
            for client in self.shares
        }


def generate_key(
    clients: Iterable[ClientId],
    threshold: int,
    group: Group[Element],
    *,
    signed: bool = True,
    identities: Mapping[ClientId, SigningIdentity] | None = None,
    policy: GenerationPolicy | None = None,
    epoch: int = 1,
    randomness: Randomness = SYSTEM,
    dropouts: Mapping[ClientId, str] | None = None,
    faults: Sequence[Fault] = (),
    clock: Callable[[], float] = time.perf_counter,
) -> KeyGeneration[Element]:
    """Run one distributed key generation.

    Args:
        clients: the cohort, three at least.
        threshold: e, 2 to the number of clients; as large as the policy asks.
        group: where the key will live.
        signed: whether postings are signed and the key is confirmed by e signatures.
        identities: the clients' identities in a signed session; None makes new ones.
        policy: what the clients insist on; by default this very cohort and, in signed sessions, a
            majority.
        epoch: the number of the key, later than that of any key that the clients hold.
        randomness: where keys come from.
        dropouts: client -> the stage in which it no longer answers.
        faults: what happens to single messages.
        clock: seconds, for the times in the record of costs.

    Raises:
        ParameterError: for an impossible cohort or threshold.
        SessionAbortedError: if too few clients or honest dealers are left.
    """
    cohort = tuple(sorted(clients))
    if len(cohort) < MIN_CLIENTS:
        raise ParameterError(
            f"{len(cohort)} clients: at least {MIN_CLIENTS} must make a key, as each of two "
            "alone would learn the other's value from a sum"
        )
    if len(set(cohort)) != len(cohort) or not 2 <= threshold <= len(cohort):
        raise ParameterError(f"threshold={threshold} must lie in 2..{len(cohort)}, the clients")
    policy = policy or GenerationPolicy(frozenset(cohort), majority_required=signed)
    least = policy.least_threshold(len(cohort))
    if threshold < least:
        raise ParameterError(
            f"threshold={threshold} of {len(cohort)} clients: against a server with "
            f"{policy.colluders} colluding clients it must lie in {least}..{len(cohort)}"
        )
    if signed and identities is None:
        identities = {client: SigningIdentity.generate(randomness) for client in cohort}
    known = dict(identities or {}) if signed else {}
    registry = {client: identity.verify_key for client, identity in known.items()}
    roles = {
        client: DkgClient(client, group, threshold, known.get(client), registry, randomness, policy)
        for client in cohort
    }
    server = DkgServer(cohort, threshold, group, registry if signed else None, randomness, epoch)
    return run_generation(server, roles, dropouts, faults, clock)


def run_generation(
    server: DkgServer[Element],
    roles: Mapping[ClientId, DkgClient[Element]],
    dropouts: Mapping[ClientId, str] | None = None,
    faults: Sequence[Fault] = (),
    clock: Callable[[], float] = time.perf_counter,
) -> KeyGeneration[Element]:
    """Run given roles through the stages; see `generate_key`."""
    cohort = tuple(sorted(roles))
    stages = tuple(stage.value for stage in Stage)
    channel = Channel(stages, message_names(MessageType), dropouts, faults, clock)
    steps = in_turn(channel, lambda stage, c, data: roles[c].step(stage, data))
    exchange = ChannelExchange(channel, cohort, steps, server.receive)
    runner = StageRunner(exchange)
    run_stages(server, runner)
    shares = {}
    for client in sorted(server.finished):
        try:
            shares[client] = roles[client].outcome[1]
        except ProtocolError as error:  # the last message did not reach it, or did not convince it
            runner.note(client, error)
    _note_verdicts(server, runner)
    qualified = server.record.qualified
    return KeyGeneration(
        server.key(), cohort, shares, qualified, server.epoch, runner.costs(), runner.refusals
    )


def run_stages(server: DkgServer[Element], runner: StageRunner) -> None:
    """Run all stages of a key generation with the server, wherever its clients are.

    Raises:
        SessionAbortedError: if too few clients or honest dealers are left.
    """
    with runner.aborting():
        try:
            for stage in Stage:
                runner.run_stage(stage, partial(server.open_stage, stage))
        except (AbortError, ProtocolError):
            _note_verdicts(server, runner)
            raise


def _note_verdicts(server: DkgServer[Element], runner: StageRunner) -> None:
    for error in server.record.verdicts:
        runner.note(SERVER, error, Stage.COMPLAINTS)


class KeyGenerations(Generic[Element]):
    """Key generations of the same clients, or of others, each of a later epoch than those before.

    Args:
        group: where keys live.
        identity: client -> what it signs with; None if clients do not sign.
        randomness: where keys come from.
        clock: seconds, for the times in the record of costs.
        last_epoch: of the last key that was made before, 0 if none; it must outlive a restart.

    Attributes:
        group: as given.
        identity: likewise.
    """

    def __init__(
        self,
        group: Group[Element],
        identity: Callable[[ClientId], SigningIdentity | None],
        randomness: Randomness = SYSTEM,
        clock: Callable[[], float] = time.perf_counter,
        last_epoch: int = 0,
    ) -> None:
        self.group = group
        self.identity = identity
        self._randomness = randomness
        self._clock = clock
        self._epoch = last_epoch

    def server(
        self,
        cohort: Sequence[ClientId],
        threshold: int,
        registry: Mapping[ClientId, VerifyKey] | None,
    ) -> DkgServer[Element]:
        """Return the server of the next key generation, for clients that are apart.

        Args:
            cohort: the clients asked, in increasing order.
            threshold: e.
            registry: the verify keys of the clients; None if they do not sign.
        """
        self._epoch += 1
        return DkgServer(
            tuple(cohort), threshold, self.group, registry, self._randomness, self._epoch
        )

    def run(
        self,
        cohort: Sequence[ClientId],
        threshold: int,
        dropouts: Mapping[ClientId, str] | None = None,
        faults: Sequence[Fault] = (),
    ) -> KeyGeneration[Element]:
        """Let a cohort make a key; arguments and errors as those of `generate_key`."""
        identities = {c: found for c in cohort if (found := self.identity(c)) is not None}
        signed = bool(identities)
        policy = GenerationPolicy(
            frozenset(cohort), majority_required=signed, last_epoch=self._epoch
        )
        self._epoch += 1
        return generate_key(
            cohort,
            threshold,
            self.group,
            signed=signed,
            identities=identities or None,
            policy=policy,
            epoch=self._epoch,
            randomness=self._randomness,
            dropouts=dropouts,
            faults=faults,
            clock=self._clock,
        )
