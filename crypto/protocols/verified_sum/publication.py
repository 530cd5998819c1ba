"""What every verified protocol adds at the end of a session, and whom its signatures are from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from crypto.errors import ParameterError
from crypto.parties import ClientId
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.protocols.quality_sum.joint_roles import QualitySumResult
from crypto.protocols.verified_sum.client import InnerClient, VerifyingClient
from crypto.protocols.verified_sum.server import VerifyingServer
from crypto.protocols.verified_sum.stages import Stage
from crypto.randomness import Randomness
from crypto.session.consortium import Consortium
from crypto.session.runner import StageRunner
from crypto.session.secure_sum import SumResult, Verification

_Result = TypeVar("_Result", SumResult, QualitySumResult)


class Signers:
    """Who signs in verified sessions: all clients, and the server.

    Args:
        consortium: the identities of the protocol's clients; new ones if they do not sign.
        randomness: where new identities come from.

    Attributes:
        server: what the server signs sums with; as long as this object lives.
    """

    def __init__(self, consortium: Consortium, randomness: Randomness) -> None:
        signs = consortium.registry is not None
        self._consortium = consortium if signs else Consortium(True, randomness)
        self._randomness = randomness
        self.server = SigningIdentity.generate(randomness)

    @property
    def registry(self) -> Mapping[ClientId, VerifyKey]:
        """The verify keys of the clients so far."""
        return self._consortium.registry or {}

    def client(self, client: ClientId, inner: InnerClient) -> VerifyingClient:
        """Return a client of verified sums.

        Raises:
            ParameterError: if what it signs with is not known here.
        """
        identity = self._consortium.identity(client)
        if identity is None:
            raise ParameterError(f"client {client} has no identity here to sign commitments with")
        return VerifyingClient(client, inner, identity, self.registry, self._randomness)


def publish_sum(
    runner: StageRunner, server: VerifyingServer, result: _Result, extra: Sequence[int] = ()
) -> _Result:
    """Publish a session's sum, have the survivors check it, and return it without what opens it.

    Args:
        runner: of the session.
        server: of the session.
        result: what the protocol summed: of the vectors with what opens their commitments.
        extra: the other sums.

    Raises:
        SessionAbortedError: if the sum is not right, so that some survivor uploaded something else
            than it committed to.
    """
    with runner.aborting():
        runner.run_stage(
            Stage.VERIFICATION.value, partial(server.publish, result.sum, result.survivors, extra)
        )
    return replace(
        result,
        sum=result.sum[: server.terms.length],
        costs=runner.costs(),
        refusals=runner.refusals,
        verification=Verification(tuple(sorted(server.receipts)), server.transcript),
    )
