"""Pairwise masking from end to end: `PairwiseMasking` is what runtimes call."""

import time
from collections.abc import Callable

from crypto.errors import ReplayError, blaming
from crypto.parties import SERVER, ClientId
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.masking.masking_sum import MaskingSum
from crypto.protocols.masking.parameters import ClientPolicy, MaskingParameters
from crypto.protocols.masking.roles import MaskClient, MaskServer
from crypto.protocols.masking.topology import CompleteGraph
from crypto.protocols.pairwise_masking.authority import KeyAuthority
from crypto.protocols.pairwise_masking.client import PairwiseClient
from crypto.protocols.pairwise_masking.messages import MessageType, PairwiseInvitation
from crypto.protocols.pairwise_masking.server import PairwiseServer
from crypto.protocols.pairwise_masking.stages import Stage
from crypto.randomness import SYSTEM, Randomness
from crypto.session.apart.channel import ApartChannel
from crypto.session.apart.delivery import (
    check_receivers,
    delivery_tasks,
    order_dealing,
    read_delivery_keys,
    read_order,
    seal_all,
)
from crypto.session.apart.participant import Call, Task
from crypto.session.consortium import Consortium
from crypto.session.key_setup import KeySetup, check_key_setup
from crypto.session.runner import Dealing
from crypto.session.sum_roles import AnyChannel


class PairwiseMasking(MaskingSum):
    """Secure sums by pairwise masks alone (the paper's scheme V without its qualities).

    For parties that all follow the protocol; see the package for what it does not guarantee.

    Args:
        threshold: the paper's e; by default the smallest majority, and never below three.
        key_setup: "authority": a trusted authority deals the key pairs of each session; "dkg":
            every client makes its own.
        randomness: where keys come from.
        clock: seconds, for the times in the record of costs; wall time by default.
        consortium: the identities that deliveries from an authority that is apart are signed with;
            None: nobody is apart. Sessions themselves are unsigned.

    Raises:
        ParameterError: for an unknown `key_setup`.
    """

    opens_at = Stage.MASKED_INPUT.value  # without dropouts the uploads add up to the sum

    def __init__(
        self,
        *,
        threshold: int | None = None,
        key_setup: KeySetup = "authority",
        randomness: Randomness = SYSTEM,
        clock: Callable[[], float] = time.perf_counter,
        consortium: Consortium | None = None,
    ) -> None:
        check_key_setup(key_setup)
        stages = [stage.value for stage in Stage]
        topology = CompleteGraph(threshold)
        super().__init__(
            stages,
            MessageType,
            topology,
            signed=False,
            randomness=randomness,
            clock=clock,
            consortium=consortium,
        )
        self._dealt_sessions: set[bytes] = set()
        self._dealt = key_setup == "authority"
        self._policy = ClientPolicy(topology, signatures_required=False)
        self._receivers: dict[ClientId, PairwiseClient] = {}

    def open(
        self,
        cohort: tuple[ClientId, ...],
        parameters: MaskingParameters,
        round_id: int,
        binding: bytes = b"",
        channel: AnyChannel | None = None,
    ) -> tuple[MaskServer, Dealing | None]:
        """Return the server of a new session, and the authority's part if it deals the keys."""
        server = PairwiseServer(
            cohort,
            parameters,
            round_id,
            dealt=self._dealt,
            randomness=self._randomness,
            binding=binding,
        )
        if not self._dealt:
            return server, None
        if isinstance(channel, ApartChannel):
            order, stage = server.invitation.to_bytes(), Stage.ADVERTISE_KEYS.value
            apart = channel
            return server, (lambda: order_dealing(apart, stage, cohort, order)[0], self._take_dealt)
        authority = KeyAuthority(server.invitation, self._randomness)
        return server, (authority.deal, self._take_dealt)

    def other_tasks(self, client: ClientId) -> dict[str, Task]:
        """Return how a client takes the key pairs that an authority deals."""
        return (
            delivery_tasks(
                client,
                self.consortium,
                lambda order: PairwiseInvitation.from_bytes(order).session_id(),
                self._receivers[client].take_keys,
            )
            if self._dealt
            else {}
        )

    def _authority_tasks(self) -> dict[str, Task]:
        return {"deal": self._deal_apart} if self._dealt else {}

    def _deal_apart(self, call: Call) -> bytes:
        """Deal the key pairs of one session, once, to clients that are apart."""
        with blaming(SERVER):
            order = read_order(call.data, self.consortium)
            invitation = PairwiseInvitation.from_bytes(order.order)
            session_id = invitation.session_id()
            check_receivers(invitation.cohort, self.consortium)
            keys = read_delivery_keys(order.keys, session_id, self.consortium)
            if session_id in self._dealt_sessions:
                raise ReplayError("a second dealing for one session")
        self._dealt_sessions.add(session_id)
        dealt = KeyAuthority(invitation, self._randomness).deal()
        return seal_all(dealt, keys, session_id, self.consortium)

    def _take_dealt(self, client: ClientId, data: bytes) -> None:
        self._receivers[client].take_keys(data)

    def _make_client(self, client: ClientId, identity: SigningIdentity | None) -> MaskClient:  # noqa: ARG002
        self._receivers[client] = PairwiseClient(
            client, self._policy, dealt=self._dealt, randomness=self._randomness
        )
        return self._receivers[client]
