"""Sums by homomorphic encryption from end to end; `HomomorphicSum` is what runtimes call."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from crypto.encoding.residues import IntegerVector, check_range, check_vector
from crypto.parties import ClientId
from crypto.protocols.homomorphic_sum.client import HomomorphicClient
from crypto.protocols.homomorphic_sum.key_holder import KeyHolder
from crypto.protocols.homomorphic_sum.keyed_session import KeyedSum, common_length
from crypto.protocols.homomorphic_sum.messages import Invitation, MessageType
from crypto.protocols.homomorphic_sum.server import HomomorphicServer
from crypto.session.faults import Fault
from crypto.session.secure_sum import IntegerSum, SumResult
from crypto.session.thresholds import plan_threshold
from crypto.vector_schemes.scheme import PublicVectorKey, VectorPlan
from crypto.wire import message_names


class HomomorphicSum(KeyedSum, IntegerSum):
    """Secure sums by homomorphic encryption (Fang et al.; the comparison's scheme IV).

    The sum is over the integers; `sum` reduces it modulo 2^k, but server and key holder learn the
    integer. Arguments, and that no dropout is tolerated: see `KeyedSum`.
    """

    MESSAGE_NAMES: ClassVar = message_names(MessageType)
    INVITATION: ClassVar = Invitation
    CLIENT: ClassVar = HomomorphicClient
    KEY_HOLDER: ClassVar = KeyHolder

    def sum(
        self,
        vectors: Mapping[ClientId, IntegerVector],
        modulus_bits: int,
        *,
        round_id: int,
        dropouts: Mapping[ClientId, str] | None = None,
        faults: Sequence[Fault] = (),
        binding: bytes = b"",
    ) -> SumResult:
        """Run one session; see `SecureSum.sum`.

        Raises:
            ParameterError: as there; also if n (2^k - 1) has more than 62 bits, or is more than the
                scheme can hold.
            SessionAbortedError: if a client is missing in any stage.
        """
        length = common_length(vectors)
        mask = np.uint64(VectorPlan(length, modulus_bits, len(vectors)).max_value)
        for vector in vectors.values():
            check_vector(vector, length, modulus_bits)
        residues = {client: vector.astype(np.uint64) & mask for client, vector in vectors.items()}
        result = self.sum_integers(
            residues,
            modulus_bits,
            round_id=round_id,
            dropouts=dropouts,
            faults=faults,
            binding=binding,
        )
        return dataclasses.replace(result, sum=result.sum & mask)

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
        plan_threshold(len(vectors))
        plan = VectorPlan(common_length(vectors), value_bits, len(vectors))
        for vector in vectors.values():
            check_range(vector, plan.length, plan.max_value)
        return self._run(vectors, value_bits, round_id, dropouts, faults, binding)

    def _server(self, invitation: Invitation, key: PublicVectorKey) -> HomomorphicServer:
        key.check_plan(invitation.plan)
        return HomomorphicServer(invitation, key, self._registry)
