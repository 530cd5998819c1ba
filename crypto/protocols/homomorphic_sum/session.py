"""Sums by homomorphic encryption from end to end; `HomomorphicSum` is what runtimes call."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from crypto.encoding.residues import IntegerVector, check_range, common_length
from crypto.parties import ClientId
from crypto.protocols.homomorphic_sum.client import HomomorphicClient
from crypto.protocols.homomorphic_sum.key_holder import KeyHolder
from crypto.protocols.homomorphic_sum.keyed_session import KeyedSum
from crypto.protocols.homomorphic_sum.messages import Invitation, MessageType
from crypto.protocols.homomorphic_sum.server import HomomorphicServer
from crypto.session.faults import Fault
from crypto.session.secure_sum import IntegerSum, SumResult
from crypto.session.staged_sum import IntegerSums
from crypto.session.sum_roles import SessionPlan
from crypto.session.thresholds import plan_threshold
from crypto.vector_schemes.scheme import PublicVectorKey, VectorPlan


class HomomorphicSum(KeyedSum, IntegerSums[HomomorphicClient], IntegerSum):
    """Secure sums by homomorphic encryption (Fang et al.; the comparison's scheme IV).

    The sum is over the integers; `sum` reduces it modulo 2^k, but server and key holder learn the
    integer. Arguments, and that no dropout is tolerated: see `KeyedSum`.

    `prepare` makes ahead what uploads wait for, such as while clients train. With several `cores`,
    sessions for which nobody did begin with it.
    """

    message_types = (MessageType,)
    INVITATION: ClassVar = Invitation
    CLIENT: ClassVar = HomomorphicClient
    KEY_HOLDER: ClassVar = KeyHolder

    def sum_integers(
        self,
        vectors: Mapping[ClientId, IntegerVector],
        value_bits: int,
        *,
        round_id: int,
        dropouts: Mapping[ClientId, str] | None = None,
        faults: Sequence[Fault] = (),
        binding: bytes = b"",
    ) -> SumResult:
        """Run one session over the integers; see `IntegerSum.sum_integers`.

        Raises:
            ParameterError: as there.
            SessionAbortedError: if a client is missing in any stage.
        """
        return self._sum_bits(vectors, value_bits, SessionPlan(round_id, dropouts, faults, binding))

    def _run_up_to(
        self, vectors: Mapping[ClientId, IntegerVector], max_value: int, plan: SessionPlan
    ) -> SumResult:
        return self._sum_bits(vectors, max_value.bit_length(), plan)

    def _sum_bits(
        self, vectors: Mapping[ClientId, IntegerVector], value_bits: int, plan: SessionPlan
    ) -> SumResult:
        plan_threshold(len(vectors))
        agreed = VectorPlan(common_length(vectors), value_bits, len(vectors))
        for vector in vectors.values():
            check_range(vector, agreed.length, agreed.max_value)
        if self.cores > 1:  # randomisers are most of the work, and made by all of them
            self.prepare(vectors, agreed)
        return self._run(vectors, (agreed.length, value_bits), plan, value_bits)

    def _server(self, invitation: Invitation, key: PublicVectorKey) -> HomomorphicServer:
        key.check_plan(invitation.plan)
        return HomomorphicServer(invitation, key, self.registry)
