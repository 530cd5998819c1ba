"""Pairwise masking from end to end: `PairwiseMasking` is what runtimes call."""

import time
from collections.abc import Callable

from crypto.parties import ClientId
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.masking.masking_sum import MaskingSum
from crypto.protocols.masking.parameters import ClientPolicy, MaskingParameters
from crypto.protocols.masking.roles import MaskClient, MaskServer
from crypto.protocols.masking.topology import CompleteGraph
from crypto.protocols.pairwise_masking.authority import KeyAuthority
from crypto.protocols.pairwise_masking.client import PairwiseClient
from crypto.protocols.pairwise_masking.messages import MessageType
from crypto.protocols.pairwise_masking.server import PairwiseServer
from crypto.protocols.pairwise_masking.stages import Stage
from crypto.randomness import SYSTEM, Randomness
from crypto.session.key_setup import KeySetup, check_key_setup
from crypto.session.runner import Dealing


class PairwiseMasking(MaskingSum):
    """Secure sums by pairwise masks alone (the paper's scheme V without its qualities).

    For parties that all follow the protocol; see the package for what it does not guarantee.

    Args:
        threshold: the paper's e; by default the smallest majority, and never below three.
        key_setup: "authority": a trusted authority deals the key pairs of each session; "dkg":
            every client makes its own.
        randomness: where keys come from.
        clock: seconds, for the times in the record of costs; wall time by default.

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
    ) -> None:
        check_key_setup(key_setup)
        stages = [stage.value for stage in Stage]
        topology = CompleteGraph(threshold)
        super().__init__(
            stages, MessageType, topology, signed=False, randomness=randomness, clock=clock
        )
        self._dealt = key_setup == "authority"
        self._policy = ClientPolicy(topology, signatures_required=False)
        self._receivers: dict[ClientId, PairwiseClient] = {}

    def open(
        self,
        cohort: tuple[ClientId, ...],
        parameters: MaskingParameters,
        round_id: int,
        binding: bytes = b"",
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
        authority = KeyAuthority(server.invitation, self._randomness)
        return server, (authority.deal, self._take_dealt)

    def _take_dealt(self, client: ClientId, data: bytes) -> None:
        self._receivers[client].take_keys(data)

    def _make_client(self, client: ClientId, identity: SigningIdentity | None) -> MaskClient:  # noqa: ARG002
        self._receivers[client] = PairwiseClient(
            client, self._policy, dealt=self._dealt, randomness=self._randomness
        )
        return self._receivers[client]
