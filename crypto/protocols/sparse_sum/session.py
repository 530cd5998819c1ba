"""Sparse sums from end to end; `SparseSum` is what runtimes call."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from crypto.encoding.residues import IntegerVector, check_vector
from crypto.errors import ParameterError
from crypto.parties import ClientId
from crypto.primitives.prg import MAX_MODULUS_BITS
from crypto.protocols.homomorphic_sum.keyed_session import KeyedSum, common_length
from crypto.protocols.homomorphic_sum.messages import MessageType as KeyedMessageType
from crypto.protocols.sparse_sum.client import SparseClient
from crypto.protocols.sparse_sum.key_holder import SparseKeyHolder
from crypto.protocols.sparse_sum.messages import MessageType, SparseInvitation
from crypto.protocols.sparse_sum.server import SparseServer
from crypto.session.faults import Fault
from crypto.session.secure_sum import SumResult
from crypto.session.thresholds import plan_threshold
from crypto.vector_schemes.scheme import PublicVectorKey
from crypto.wire import message_names


class SparseSum(KeyedSum):
    """Sums of vectors that are mostly zero and have few values (the comparison's scheme III).

    The server learns each client's positions, see the package. Arguments, and that no dropout is
    tolerated: see `KeyedSum`.
    """

    MESSAGE_NAMES: ClassVar = message_names(KeyedMessageType, MessageType)
    INVITATION: ClassVar = SparseInvitation
    CLIENT: ClassVar = SparseClient
    KEY_HOLDER: ClassVar = SparseKeyHolder

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
            ParameterError: as there.
            SessionAbortedError: if a client is missing in any stage.
        """
        plan_threshold(len(vectors))
        if not 1 <= modulus_bits <= MAX_MODULUS_BITS:
            raise ParameterError(f"modulus_bits={modulus_bits} must lie in 1..{MAX_MODULUS_BITS}")
        length = common_length(vectors)
        for vector in vectors.values():
            check_vector(vector, length, modulus_bits)
        return self._run(vectors, modulus_bits, round_id, dropouts, faults, binding)

    def _server(self, invitation: SparseInvitation, key: PublicVectorKey) -> SparseServer:
        return SparseServer(invitation, key, self._registry)
