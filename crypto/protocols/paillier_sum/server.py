"""The server of Paillier sums: it multiplies ciphertexts and collects consents."""

from collections.abc import Mapping
from typing import Final

from crypto.errors import ConsistencyError, MalformedMessageError
from crypto.parties import ClientId
from crypto.primitives.signatures import VerifyKey
from crypto.protocols.paillier_sum.authority import read_key
from crypto.protocols.paillier_sum.messages import (
    Consent,
    ConsentRequest,
    DecryptedSum,
    DecryptionOrder,
    EncryptedVector,
    Invitation,
    KeyAnnouncement,
    Readiness,
    UploadRequest,
    digest_of,
)
from crypto.protocols.paillier_sum.uploads import check_uploads, multiply_uploads
from crypto.randomness import SYSTEM, Randomness
from crypto.session.admission import Kinds
from crypto.session.helped_sum import HelpedServer, Stage
from crypto.session.messages import NONCE_BYTES, ClientMessage
from crypto.session.thresholds import ChooseHelpers, choose_at_random

CLIENT_MESSAGES: Final[Kinds] = {
    Stage.KEY_SETUP: Readiness,
    Stage.UPLOAD: EncryptedVector,
    Stage.DECRYPTION: Consent,
}


class PaillierServer(HelpedServer):
    """The server's part in one session.

    Args:
        cohort: the clients asked, in increasing order.
        length: m, coordinates of a vector.
        round_id: the training round.
        key: the authority's public key.
        key_signature: the authority's signature of it.
        registry: the verify keys of the clients; None in sessions without signatures.
        randomness: where the session's nonce and the choice of helpers come from.
        choose_helpers: which survivors are asked to consent.
        binding: digest of what the server gave the clients before; empty if it gave nothing.
    """

    UPLOAD_REQUEST = UploadRequest
    HELP_REQUEST = ConsentRequest

    def __init__(
        self,
        cohort: tuple[ClientId, ...],
        length: int,
        round_id: int,
        key: KeyAnnouncement,
        key_signature: bytes,
        registry: Mapping[ClientId, VerifyKey] | None = None,
        randomness: Randomness = SYSTEM,
        choose_helpers: ChooseHelpers = choose_at_random,
        binding: bytes = b"",
    ) -> None:
        nonce, signed = randomness.bytes(NONCE_BYTES), registry is not None
        self._invitation = Invitation(
            nonce, round_id, cohort, length, signed, key, key_signature, binding=binding
        )
        super().__init__(
            self._invitation, CLIENT_MESSAGES, key.threshold, registry, randomness, choose_helpers
        )
        self._key = read_key(key, 0)
        self._product = b""
        self._consents: dict[ClientId, bytes] = {}

    def invite(self) -> dict[ClientId, bytes]:
        """Open the session; return an `Invitation` for each client of the cohort."""
        return self._invite(self.cohort, self._invitation)

    def request_consents(self) -> dict[ClientId, bytes]:
        """Close the upload; return a `ConsentRequest` for the first helpers."""
        return self._request_help()

    def _request_help(self) -> dict[ClientId, bytes]:
        uploads = tuple(self._uploads[client][0] for client in self.survivors)
        self._product = multiply_uploads(self._key, uploads, self._invitation.length)
        return super()._request_help()

    def request_more_consents(self) -> dict[ClientId, bytes]:
        """Return requests for as many survivors as are missing; none if none are, or none left."""
        return self._request_more()

    def order_decryption(self) -> bytes:
        """Close the session; return a `DecryptionOrder` for the authority.

        Raises:
            ThresholdError: if too few clients consent.
        """
        self._door.close(Stage.DECRYPTION)
        consents = tuple(sorted(self._consents.items()))
        return DecryptionOrder(self.session_id, self._product, consents).to_bytes()

    def read_sum(self, data: bytes) -> tuple[int, ...]:
        """Return the sums over the integers from the authority's `DecryptedSum`.

        Raises:
            MalformedMessageError: if `data` is none of this session.
        """
        answer = DecryptedSum.from_bytes(data)
        if answer.session_id != self.session_id or len(answer.values) != self._invitation.length:
            raise MalformedMessageError("the sum of another session")
        return answer.values

    def _accept(self, message: ClientMessage, signature: bytes) -> None:
        """Keep what a message says.

        Raises:
            MalformedMessageError: for ciphertexts out of range, or no units modulo n^2.
            ProofError: for a client that does not know what it encrypted.
            ConsistencyError: for a consent to something else.
        """
        match message:
            case EncryptedVector(sender=sender):
                length, signed = self._invitation.length, self._invitation.signed
                check_uploads(self._key, [message], length, signed, self._randomness)
                self._uploads[sender] = message, signature
            case Consent(sender=sender, digest=digest):
                if digest != digest_of(self.session_id, sender, self._product):
                    raise ConsistencyError("consent to another product")
                self._consents[sender] = signature
