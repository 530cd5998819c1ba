"""The server of sums by homomorphic encryption: it adds ciphertexts that it cannot read."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from crypto.errors import (
    ConsistencyError,
    DecodingError,
    ForeignMessageError,
    MalformedMessageError,
)
from crypto.homomorphic import EncryptedVector, PublicVectorKey, VectorPlan
from crypto.homomorphic_sum.messages import (
    DecryptedSum,
    DecryptionOrder,
    EncryptedUpload,
    Invitation,
    KeyAnnouncement,
    UploadRequest,
)
from crypto.homomorphic_sum.stages import CLIENT_MESSAGES, Stage
from crypto.parties import ClientId
from crypto.randomness import SYSTEM, Randomness
from crypto.session_messages import NONCE_BYTES, ClientMessage
from crypto.signatures import VerifyKey
from crypto.staged_server import StagedServer


class HomomorphicServer(StagedServer):
    """The server's part in one session, which needs every client in every stage.

    Args:
        cohort: the clients asked, in increasing order.
        plan: what is summed, over as many addends as there are clients.
        round_id: the training round.
        announcement: the key holder's public key.
        key_signature: the key holder's signature of it.
        key: the same key, to compute with.
        registry: the verify keys of the clients; None in sessions without signatures.
        randomness: where the session's nonce comes from.
    """

    def __init__(
        self,
        cohort: tuple[ClientId, ...],
        plan: VectorPlan,
        round_id: int,
        announcement: KeyAnnouncement,
        key_signature: bytes,
        key: PublicVectorKey,
        registry: Mapping[ClientId, VerifyKey] | None = None,
        randomness: Randomness = SYSTEM,
    ) -> None:
        self.invitation = Invitation(
            randomness.bytes(NONCE_BYTES),
            round_id,
            cohort,
            plan.length,
            plan.value_bits,
            registry is not None,
            announcement,
            key_signature,
        )
        session_id = self.invitation.session_id()
        super().__init__(session_id, CLIENT_MESSAGES, len(cohort), registry)
        self._key = key
        self._consents: dict[ClientId, bytes] = {}
        self._uploads: dict[ClientId, EncryptedVector] = {}

    def invite(self) -> dict[ClientId, bytes]:
        """Open the session; return an `Invitation` for each client of the cohort."""
        self._begin(Stage.KEY_SETUP, frozenset(self.invitation.cohort))
        return dict.fromkeys(self.invitation.cohort, self.invitation.to_bytes())

    def request_uploads(self) -> dict[ClientId, bytes]:
        """Close key setup; return an `UploadRequest` for each client.

        Raises:
            ThresholdError: if a client is missing: nobody has encrypted anything yet.
        """
        present = self._advance(Stage.KEY_SETUP, Stage.UPLOAD)
        return dict.fromkeys(sorted(present), UploadRequest(self.session_id).to_bytes())

    def order_decryption(self) -> bytes:
        """Close the upload and add; return a `DecryptionOrder` for the key holder.

        Raises:
            ThresholdError: if a client is missing.
        """
        self._door.close(Stage.UPLOAD)
        cohort = self.invitation.cohort
        total = self._key.add([self._uploads[client] for client in cohort])
        consents = tuple(self._consents[client] for client in cohort)
        return DecryptionOrder(self.invitation, total, consents).to_bytes()

    def read_sum(self, data: bytes) -> NDArray[np.int64]:
        """Return the sum over the integers from the key holder's `DecryptedSum`.

        Raises:
            MalformedMessageError: if it is none.
            ForeignMessageError: if it is of another session, or of another length.
        """
        answer = DecryptedSum.from_bytes(data)
        if answer.session_id != self.session_id or len(answer.values) != self.invitation.length:
            raise ForeignMessageError("the sum of another session")
        return answer.values

    def _accept(self, message: ClientMessage, signature: bytes) -> None:
        if not isinstance(message, EncryptedUpload):
            self._consents[message.sender] = signature
            return
        vector = message.vector
        if vector.plan != self.invitation.plan or vector.addends != 1:
            raise ConsistencyError("a vector of another plan, or a sum of several")
        try:
            self._key.check(vector)
        except DecodingError as error:
            raise MalformedMessageError(str(error)) from error
        self._uploads[message.sender] = vector
