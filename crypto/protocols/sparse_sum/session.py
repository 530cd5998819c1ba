"""Sparse sums from end to end; `SparseSum` is what runtimes call."""

from typing import ClassVar

from crypto.protocols.homomorphic_sum.keyed_session import KeyedSum
from crypto.protocols.homomorphic_sum.messages import MessageType as KeyedMessageType
from crypto.protocols.sparse_sum.client import SparseClient
from crypto.protocols.sparse_sum.key_holder import SparseKeyHolder
from crypto.protocols.sparse_sum.messages import MessageType, SparseInvitation
from crypto.protocols.sparse_sum.server import SparseServer
from crypto.vector_schemes.scheme import PublicVectorKey


class SparseSum(KeyedSum):
    """Sums of vectors that are mostly zero and have few values (the comparison's scheme III).

    The server learns each client's positions, see the package. Arguments, and that no dropout is
    tolerated: see `KeyedSum`.
    """

    message_types = (KeyedMessageType, MessageType)
    INVITATION: ClassVar = SparseInvitation
    CLIENT: ClassVar = SparseClient
    KEY_HOLDER: ClassVar = SparseKeyHolder

    def _server(self, invitation: SparseInvitation, key: PublicVectorKey) -> SparseServer:
        return SparseServer(invitation, key, self.registry)
