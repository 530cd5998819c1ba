"""The server of Paillier sums: it multiplies ciphertexts and collects consents."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from crypto.errors import ConsistencyError, MalformedMessageError, blaming
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
from crypto.session.admission import Doorkeeper, Kinds
from crypto.session.messages import NONCE_BYTES
from crypto.session.thresholds import ChooseHelpers, choose_at_random


class Stage(StrEnum):
    """A message from the server to each client and the client's answer."""

    KEY_SETUP = "key setup"
    UPLOAD = "upload"
    DECRYPTION = "decryption"


CLIENT_MESSAGES: Final[Kinds] = {
    Stage.KEY_SETUP: Readiness,
    Stage.UPLOAD: EncryptedVector,
    Stage.DECRYPTION: Consent,
}


class PaillierServer:
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
        self.session_id = self._invitation.session_id()
        self._key = read_key(key, 0)
        self._threshold = key.threshold
        self._randomness = randomness
        self._choose = choose_helpers
        self._door = Doorkeeper(self.session_id, CLIENT_MESSAGES, key.threshold, registry)
        self._uploads: dict[ClientId, tuple[EncryptedVector, bytes]] = {}
        self._product = b""
        self._asked: set[ClientId] = set()
        self._consents: dict[ClientId, bytes] = {}

    @property
    def survivors(self) -> tuple[ClientId, ...]:
        """The clients in the sum."""
        return tuple(sorted(self._uploads))

    def invite(self) -> dict[ClientId, bytes]:
        """Open the session; return an `Invitation` for each client of the cohort."""
        self._door.open(Stage.KEY_SETUP, frozenset(self._invitation.cohort))
        return dict.fromkeys(self._invitation.cohort, self._invitation.to_bytes())

    def receive(self, sender: ClientId, data: bytes) -> None:
        """Take a client's message for the present stage.

        Args:
            sender: the client, as the transport knows it.
            data: the encoded message.

        Raises:
            MalformedMessageError: also for ciphertexts out of range, or no units modulo n^2.
            ProofError: for a client that does not know what it encrypted.
            ConsistencyError: for a consent to something else.
            WrongTimeError, ForeignMessageError, ReplayError, SignatureError: as in
                `Doorkeeper.admit`.

        Guarantees: a refused message changes nothing; every error names `sender`.
        """
        with blaming(sender):
            message, signature = self._door.admit(sender, data)
            match message:
                case EncryptedVector():
                    length, signed = self._invitation.length, self._invitation.signed
                    check_uploads(self._key, [message], length, signed, self._randomness)
                    self._uploads[sender] = message, signature
                case Consent(digest=digest):
                    if digest != digest_of(self.session_id, sender, self._product):
                        raise ConsistencyError("consent to another product")
                    self._consents[sender] = signature
            self._door.accept(sender)

    def request_uploads(self) -> dict[ClientId, bytes]:
        """Close key setup; return an `UploadRequest` for each client that is ready."""
        present = self._door.close(Stage.KEY_SETUP)
        self._door.open(Stage.UPLOAD, present)
        request = UploadRequest(self.session_id, tuple(sorted(present)))
        return dict.fromkeys(sorted(present), request.to_bytes())

    def request_consents(self) -> dict[ClientId, bytes]:
        """Close the upload; return a `ConsentRequest` for the first helpers."""
        self._door.close(Stage.UPLOAD)
        self._door.open(Stage.DECRYPTION, frozenset())
        uploads = tuple(self._uploads[client][0] for client in self.survivors)
        self._product = multiply_uploads(self._key, uploads, self._invitation.length)
        return self.request_more_consents()

    def request_more_consents(self) -> dict[ClientId, bytes]:
        """Return requests for as many survivors as are missing; none if none are, or none left."""
        missing = self._threshold - len(self._consents)
        candidates = sorted(self._uploads.keys() - self._asked)
        chosen = self._choose(candidates, max(missing, 0), self._randomness)
        self._asked.update(chosen)
        self._door.await_more(frozenset(chosen))
        uploads, signatures = zip(
            *(self._uploads[client] for client in self.survivors), strict=True
        )
        request = ConsentRequest(self.session_id, uploads, signatures).to_bytes()
        return dict.fromkeys(sorted(chosen), request)

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
