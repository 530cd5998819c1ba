"""Double masking from end to end: `DoubleMasking` is what runtimes call."""

import time
from collections.abc import Callable

from crypto.parties import ClientId
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.masking.client import MaskingClient
from crypto.protocols.masking.masking_sum import MaskingSum
from crypto.protocols.masking.messages import MessageType
from crypto.protocols.masking.parameters import ClientPolicy, MaskingParameters
from crypto.protocols.masking.roles import MaskClient, MaskServer
from crypto.protocols.masking.server import MaskingServer
from crypto.protocols.masking.stages import Stage
from crypto.protocols.masking.topology import CompleteGraph, Topology
from crypto.randomness import SYSTEM, Randomness
from crypto.session.consortium import Consortium
from crypto.session.runner import Dealing
from crypto.session.sum_roles import AnyChannel
from crypto.session.thresholds import MIN_CLIENTS


class DoubleMasking(MaskingSum):
    """Secure sums by double masking (Bonawitz et al. 2017; the comparison's scheme II).

    Args:
        topology: who masks with whom, and the threshold; by default the complete graph, and any
            floor(2n/3) + 1 of n clients, a majority in unsigned sessions.
        signed: whether clients sign their messages and agree on the survivors before unmasking.
            Off only to reproduce a setting in which all parties follow the protocol.
        least_cohort: fewest clients of a session that the clients accept. Three by default, since
            here the caller says who takes part; clients in the field want more, see `ClientPolicy`.
        randomness: where keys come from.
        clock: seconds, for the times in the record of costs; wall time by default.
        consortium: the clients' identities; None: new ones, made here.
    """

    opens_at = Stage.UNMASKING.value

    def __init__(
        self,
        topology: Topology | None = None,
        *,
        signed: bool = True,
        least_cohort: int = MIN_CLIENTS,
        randomness: Randomness = SYSTEM,
        clock: Callable[[], float] = time.perf_counter,
        consortium: Consortium | None = None,
    ) -> None:
        stages = [stage.value for stage in Stage if signed or stage is not Stage.CONSISTENCY]
        super().__init__(
            stages,
            MessageType,
            topology or CompleteGraph(),
            signed=signed,
            randomness=randomness,
            clock=clock,
            consortium=consortium,
        )
        self._policy = ClientPolicy(self.topology, signed, least_cohort)

    def open(
        self,
        cohort: tuple[ClientId, ...],
        parameters: MaskingParameters,
        round_id: int,
        binding: bytes = b"",
        channel: AnyChannel | None = None,  # noqa: ARG002
    ) -> tuple[MaskServer, Dealing | None]:
        """Return the server of a new session; no authority has a part in it."""
        server = MaskingServer(
            cohort, parameters, round_id, self.registry, self._randomness, binding
        )
        return server, None

    def _make_client(self, client: ClientId, identity: SigningIdentity | None) -> MaskClient:
        return MaskingClient(client, identity, self.registry, self._policy, self._randomness)
