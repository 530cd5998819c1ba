"""The server of sparse sums: it sees where values meet, and adds what it cannot read."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from crypto.errors import ForeignMessageError
from crypto.parties import ClientId
from crypto.primitives.signatures import VerifyKey
from crypto.protocols.homomorphic_sum.messages import Readiness
from crypto.protocols.homomorphic_sum.server import KeyedServer
from crypto.protocols.homomorphic_sum.stages import Stage
from crypto.protocols.sparse_sum.limbs import from_limbs, value_plan
from crypto.protocols.sparse_sum.messages import (
    DecryptedSums,
    SparseInvitation,
    SparseUpload,
    SumsOrder,
    read_places,
)
from crypto.protocols.sparse_sum.overlaps import Meetings, find_meetings
from crypto.session.messages import ClientMessage
from crypto.vector_schemes.scheme import EncryptedVector, PublicVectorKey

CLIENT_MESSAGES: Mapping[str, type[ClientMessage]] = {
    Stage.KEY_SETUP: Readiness,
    Stage.UPLOAD: SparseUpload,
}


class SparseServer(KeyedServer):
    """The server's part in one session.

    Args:
        invitation: opens the session.
        key: the announced key, to compute with.
        registry: the verify keys of the clients; None in sessions without signatures.

    Attributes:
        meetings: where values meet; None before the upload is closed.
    """

    def __init__(
        self,
        invitation: SparseInvitation,
        key: PublicVectorKey,
        registry: Mapping[ClientId, VerifyKey] | None = None,
    ) -> None:
        super().__init__(invitation, key, CLIENT_MESSAGES, registry)
        self.invitation = invitation
        self.meetings: Meetings | None = None
        self._plan = value_plan(key, invitation.value_bits, len(invitation.cohort))
        self._values: dict[ClientId, tuple[EncryptedVector, ...]] = {}
        self._places: dict[ClientId, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}

    @property
    def lone_share(self) -> float:
        """Of the coordinates where any client is not 0, the share where one client alone is."""
        return self.meetings.lone_share if self.meetings is not None else 0.0

    def order_decryption(self) -> bytes:
        """Close the upload, find where values meet, and add; return a `SumsOrder`.

        A value that meets no other is passed on to the key holder as its client sent it.

        Raises:
            ThresholdError: if a client is missing.
        """
        self._door.close(Stage.UPLOAD)
        cohort = self.cohort
        places = [self._places[client] for client in cohort]
        self.meetings = find_meetings(*zip(*places, strict=True))
        sums = []
        for members in self.meetings.sums:
            addends = [self._values[cohort[place]][index] for place, index in members]
            sums.append(self._key.add(addends) if len(addends) > 1 else addends[0])
        return SumsOrder(self.invitation, tuple(sums), self.consents).to_bytes()

    def read_sum(self, data: bytes) -> NDArray[np.int64]:
        """Return the sum, 0 to 2^k - 1, from the key holder's `DecryptedSums`.

        Raises:
            MalformedMessageError: if it is none.
            ForeignMessageError: if it is of another session, or of another length.
        """
        answer, found = DecryptedSums.from_bytes(data), self.meetings
        limbs = answer.values
        if (
            found is None
            or answer.session_id != self.session_id
            or len(limbs) != len(found.sums) * self._plan.length
        ):
            raise ForeignMessageError("the sums of another session")
        bits = self.invitation.value_bits
        rows = limbs.reshape(-1, self._plan.length)
        values = np.array([from_limbs(row, self._plan, bits) for row in rows], np.int64)
        total = np.zeros(self.invitation.length, np.int64)
        total[found.coordinates] = values[found.sum_at]
        return total

    def _accept_upload(self, message: ClientMessage) -> None:
        if not isinstance(message, SparseUpload):
            raise TypeError(type(message).__name__)  # admission lets no other one through
        places = read_places(message.places, len(message.values), self.invitation.length)
        for value in message.values:
            self._check_ciphertexts(value, self._plan)
        self._values[message.sender], self._places[message.sender] = message.values, places
