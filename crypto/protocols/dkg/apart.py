"""Key generations whose clients are apart from the server: its part, and a client's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeAlias

from crypto.elgamal.threshold import KeyShare, ThresholdKey
from crypto.errors import PolicyError, WrongTimeError, blaming
from crypto.groups.base import Element, Group
from crypto.parties import SERVER, ClientId
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.protocols.dkg.client import DkgClient
from crypto.protocols.dkg.messages import Invitation, MessageType
from crypto.protocols.dkg.policy import GenerationPolicy
from crypto.protocols.dkg.server import DkgServer
from crypto.protocols.dkg.session import run_stages
from crypto.protocols.dkg.stages import Stage
from crypto.randomness import SYSTEM, Randomness
from crypto.session.apart.channel import ApartChannel, ApartExchange
from crypto.session.apart.participant import Call
from crypto.session.costs import Costs
from crypto.session.runner import StageRunner
from crypto.session.secure_sum import Refusal
from crypto.session.thresholds import check_cohort
from crypto.wire import message_names

TASK = "key generation"

Hold: TypeAlias = Callable[[ThresholdKey[Element], KeyShare, tuple[ClientId, ...], int], None]
"""Keeps a key: its public part, the client's share, the cohort that made it, and its epoch."""


@dataclass(frozen=True)
class GeneratedApart(Generic[Element]):
    """A key that clients have made who are apart, as the server knows it.

    Attributes:
        key: the public part.
        clients: the cohort; x_i is the place, from 1.
        holders: the clients that said that they hold a share.
        epoch: the number of the key.
        costs: what the generation cost.
        refusals: messages that were not accepted, and who was found cheating.
    """

    key: ThresholdKey[Element]
    clients: tuple[ClientId, ...]
    holders: frozenset[ClientId]
    epoch: int
    costs: Costs
    refusals: tuple[Refusal, ...]


def generate_apart(server: DkgServer[Element], channel: ApartChannel) -> GeneratedApart[Element]:
    """Run one key generation; run by the server.

    Args:
        server: its role.
        channel: of the session that needs the key.

    Raises:
        SessionAbortedError: if too few clients or honest dealers are left.
    """
    own = channel.beside(TASK, message_names(MessageType))
    exchange = ApartExchange(own, server.receive, "step")
    runner = StageRunner(exchange)
    run_stages(server, runner)
    return GeneratedApart(
        server.key(),
        tuple(server.record.cohort),
        server.finished & exchange.replied,
        server.epoch,
        runner.costs(),
        runner.refusals,
    )


class KeyGenerationMember(Generic[Element]):
    """One client's side of key generations, one at a time.

    Args:
        client_id: the client.
        group: where keys live.
        identity: signs its postings; None if the protocol that needs the keys is unsigned.
        registry: the verify keys of all clients.
        least_threshold: number of clients -> the least e that it accepts.
        hold: keeps what was made.
        least_cohort: fewest clients that make a key; None: more than half of those registered.
        randomness: where its part of keys comes from.
    """

    def __init__(
        self,
        client_id: ClientId,
        group: Group[Element],
        identity: SigningIdentity | None,
        registry: Mapping[ClientId, VerifyKey] | None,
        least_threshold: Callable[[int], int],
        hold: Hold[Element],
        *,
        least_cohort: int | None = None,
        randomness: Randomness = SYSTEM,
    ) -> None:
        self._client_id = client_id
        self._group = group
        self._identity = identity
        self._registry = registry or {}
        self._least_threshold = least_threshold
        self._hold = hold
        self._least_cohort = least_cohort
        self._randomness = randomness
        self._epoch = 0
        self._present: tuple[bytes, Invitation, DkgClient[Element]] | None = None

    def step(self, call: Call) -> bytes | None:
        """Take the step of a stage; the first begins a new generation, the last keeps the key.

        Raises:
            PolicyError: naming the server, for a stage that there is not, or a cohort that is too
                small.
            WrongTimeError: naming the server, for a generation that this client is not in.
            Others as `DkgClient`.
        """
        if call.stage not in set(Stage):
            raise PolicyError(f"{call.stage!r} is no stage of a key generation", SERVER)
        if call.stage == Stage.ADVERTISE_KEYS:
            self._begin(call)
        if self._present is None or self._present[0] != call.token:
            raise WrongTimeError("this client is not in this key generation", SERVER)
        _, invitation, client = self._present
        answer = client.step(call.stage, call.data)
        if call.stage == Stage.RESULT:
            self._present = None
            key, share = client.outcome
            self._hold(key, share, invitation.cohort, invitation.epoch)
            self._epoch = invitation.epoch
        return answer

    def _begin(self, call: Call) -> None:
        with blaming(SERVER):
            invitation = Invitation.from_bytes(call.data, len(self._registry) or None)
            cohort = invitation.cohort
            check_cohort(len(cohort), len(self._registry), self._least_cohort)
        policy = GenerationPolicy(
            frozenset(cohort),
            majority_required=self._identity is not None,
            last_epoch=self._epoch,
        )
        client = DkgClient(
            self._client_id,
            self._group,
            self._least_threshold(len(cohort)),
            self._identity,
            self._registry,
            self._randomness,
            policy,
        )
        self._present = call.token, invitation, client
