"""The server of sums by homomorphic encryption: it adds ciphertexts that it cannot read."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from crypto.errors import (
    ConsistencyError,
    ForeignMessageError,
)
from crypto.parties import ClientId
from crypto.primitives.signatures import VerifyKey
from crypto.protocols.homomorphic_sum.messages import (
    DecryptedSum,
    DecryptionOrder,
    EncryptedUpload,
    Invitation,
    KeyedInvitation,
    Readiness,
    UploadRequest,
)
from crypto.protocols.homomorphic_sum.stages import CLIENT_MESSAGES, Stage
from crypto.session.admission import Kinds
from crypto.session.exchange import Opening
from crypto.session.messages import ClientMessage
from crypto.session.staged_server import StagedServer
from crypto.vector_schemes.scheme import EncryptedVector, PublicVectorKey, VectorPlan


class KeyedServer(StagedServer):
    """What the server does in all sessions under the key holder's key, which need every client.

    Args:
        invitation: opens the session.
        key: the announced key, to compute with.
        client_messages: stage -> the message that ends it for a client.
        registry: the verify keys of the clients; None in sessions without signatures.
    """

    def __init__(
        self,
        invitation: KeyedInvitation,
        key: PublicVectorKey,
        client_messages: Kinds,
        registry: Mapping[ClientId, VerifyKey] | None,
    ) -> None:
        cohort = invitation.cohort
        super().__init__(invitation.session_id(), client_messages, len(cohort), registry)
        self._invitation = invitation
        self._key = key
        self.cohort = cohort
        self._consents: dict[ClientId, bytes] = {}

    def invite(self) -> dict[ClientId, bytes]:
        """Open the session; return the invitation for each client of the cohort."""
        return self._invite(self.cohort, self._invitation)

    def openings(self) -> Iterable[tuple[str, Opening]]:
        """Return what opens each stage, in their order; `order_decryption` closes the last one."""
        return {Stage.KEY_SETUP: self.invite, Stage.UPLOAD: self.request_uploads}.items()

    def request_uploads(self) -> dict[ClientId, bytes]:
        """Close key setup; return an `UploadRequest` for each client.

        Raises:
            ThresholdError: if a client is missing: nobody has encrypted anything yet.
        """
        present = self._advance(Stage.KEY_SETUP, Stage.UPLOAD)
        return dict.fromkeys(sorted(present), UploadRequest(self.session_id).to_bytes())

    @property
    def lone_share(self) -> float:
        """As in `SumResult`: nothing is known of single clients unless a protocol says so."""
        return 0.0

    @property
    def consents(self) -> tuple[bytes, ...]:
        """The signatures of the clients' `Readiness`, in the cohort's order."""
        return tuple(self._consents[client] for client in self.cohort)

    @abstractmethod
    def order_decryption(self) -> bytes:
        """Close the upload and add; return the order for the key holder.

        Raises:
            ThresholdError: if a client is missing.
        """

    @abstractmethod
    def read_sum(self, data: bytes) -> NDArray[np.int64]:
        """Return the sum from the key holder's answer.

        Raises:
            MalformedMessageError: if it is none.
            ForeignMessageError: if it is of another session, or of another length.
        """

    def _accept(self, message: ClientMessage, signature: bytes) -> None:
        if isinstance(message, Readiness):
            self._consents[message.sender] = signature
        else:
            self._accept_upload(message)

    @abstractmethod
    def _accept_upload(self, message: ClientMessage) -> None:
        """Keep an upload, or refuse it and change nothing."""

    def _check_ciphertexts(self, vector: EncryptedVector, plan: VectorPlan) -> None:
        """Refuse what is no fresh encryption of a vector of `plan`.

        Raises:
            ConsistencyError: for another plan, or a sum.
            MalformedMessageError: for what are no ciphertexts.
        """
        if vector.plan != plan or vector.addends != 1:
            raise ConsistencyError("a vector of another plan, or a sum of several")
        self._key.check(vector)


class HomomorphicServer(KeyedServer):
    """The server's part in one session in which whole vectors are encrypted.

    Args:
        invitation: opens the session.
        key: the announced key, to compute with.
        registry: the verify keys of the clients; None in sessions without signatures.
    """

    def __init__(
        self,
        invitation: Invitation,
        key: PublicVectorKey,
        registry: Mapping[ClientId, VerifyKey] | None = None,
    ) -> None:
        super().__init__(invitation, key, CLIENT_MESSAGES, registry)
        self.invitation = invitation
        self._uploads: dict[ClientId, EncryptedVector] = {}

    def order_decryption(self) -> bytes:
        """Close the upload and add; return a `DecryptionOrder` for the key holder.

        Raises:
            ThresholdError: if a client is missing.
        """
        self._door.close(Stage.UPLOAD)
        total = self._key.add([self._uploads[client] for client in self.cohort])
        return DecryptionOrder(self.invitation, total, self.consents).to_bytes()

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

    def _accept_upload(self, message: ClientMessage) -> None:
        if not isinstance(message, EncryptedUpload):
            raise TypeError(type(message).__name__)  # admission lets no other one through
        self._check_ciphertexts(message.vector, self.invitation.plan)
        self._uploads[message.sender] = message.vector
