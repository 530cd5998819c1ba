"""The client of Paillier sums: across rounds, and in one session."""

from collections.abc import Mapping
from dataclasses import dataclass

from crypto.cohorts import MIN_CLIENTS
from crypto.errors import (
    ConsistencyError,
    DecodingError,
    ForeignMessageError,
    MalformedMessageError,
    PolicyError,
    ReplayError,
    SignatureError,
    ThresholdError,
    blaming,
)
from crypto.paillier import KEY_BITS, PaillierPublicKey
from crypto.paillier_sum.authority import KEY_PURPOSE, read_key
from crypto.paillier_sum.messages import (
    Consent,
    ConsentRequest,
    EncryptedVector,
    Invitation,
    Readiness,
    UploadRequest,
    digest_of,
)
from crypto.parties import SERVER, ClientId
from crypto.residues import check_range
from crypto.sealing import SIGNED_MESSAGE, seal
from crypto.secure_sum import IntegerVector
from crypto.session_part import SessionPart
from crypto.signatures import SigningIdentity, VerifyKey


class PaillierClient:
    """A client with its identity, for any number of sessions.

    Args:
        client_id: its number.
        identity: signs its messages; None for sessions in which nobody signs.
        registry: the verify key of every client of the consortium, itself included.
        majority_required: whether the threshold must be more than half of the key's clients.
        least_key_bits: shorter keys are refused.
    """

    def __init__(
        self,
        client_id: ClientId,
        identity: SigningIdentity | None = None,
        registry: Mapping[ClientId, VerifyKey] | None = None,
        *,
        majority_required: bool = True,
        least_key_bits: int = KEY_BITS,
    ) -> None:
        self.client_id = client_id
        self._identity = identity
        self._registry = registry or {}
        self._majority_required = majority_required
        self._least_key_bits = least_key_bits
        self._joined: set[bytes] = set()

    def join(self, data: bytes, authority: VerifyKey | None) -> "tuple[PaillierClientRound, bytes]":
        """Key setup: accept an invitation.

        Args:
            data: an `Invitation`.
            authority: the verify key of the authority; None if nobody signs.

        Returns:
            The client's part in the session, and a `Readiness` for the server.

        Raises:
            MalformedMessageError, ForeignMessageError, ReplayError, SignatureError: as they say.
            PolicyError: if the session is weaker than this client accepts.
        """
        with blaming(SERVER):
            invitation = Invitation.from_bytes(data, len(self._registry) or None)
            self._check(invitation, authority)
            session_id = invitation.session_id()
            if session_id in self._joined:
                raise ReplayError("an invitation that was accepted before")
            key = read_key(invitation.key, self._least_key_bits)
        self._joined.add(session_id)
        part = PaillierClientRound(self.client_id, invitation, key, self._identity, self._registry)
        return part, part.ready()

    def _check(self, invitation: Invitation, authority: VerifyKey | None) -> None:
        key = invitation.key
        if self.client_id not in invitation.cohort:
            raise ForeignMessageError("an invitation of other clients")
        if len(invitation.cohort) < MIN_CLIENTS or not {*invitation.cohort} <= {*key.clients}:
            raise PolicyError("a cohort that is too small, or not the key's")
        if self._majority_required and 2 * key.threshold <= len(key.clients):
            raise PolicyError(f"threshold {key.threshold} is no majority of {len(key.clients)}")
        if invitation.signed != (self._identity is not None):
            raise PolicyError("a session that is signed and should not be, or the reverse")
        if authority is not None:
            authority.verify(KEY_PURPOSE, key.to_bytes(), invitation.key_signature)
        elif self._identity is not None:
            raise PolicyError("a key of an unknown authority")


@dataclass(frozen=True)
class _Joined:
    """It joined the session."""


@dataclass(frozen=True)
class _Uploaded:
    """Its vector is encrypted and gone."""


class PaillierClientRound(SessionPart[_Joined | _Uploaded]):
    """One client in one session; made by `PaillierClient.join`.

    A message at the wrong time, of another session or malformed is refused and changes nothing.
    Once a message's content was found wrong the round is over. It consents once.
    """

    def __init__(
        self,
        client_id: ClientId,
        invitation: Invitation,
        key: PaillierPublicKey,
        identity: SigningIdentity | None,
        registry: Mapping[ClientId, VerifyKey],
    ) -> None:
        super().__init__(client_id, invitation.session_id(), _Joined(), len(invitation.cohort))
        self._invitation = invitation
        self._key = key
        self._identity = identity
        self._registry = registry
        self._participants: frozenset[ClientId] = frozenset()
        self._own = b""

    def ready(self) -> bytes:
        """Return the `Readiness` of this session; called by `PaillierClient.join`."""
        return seal(Readiness(self.session_id, self.client_id), self._identity)

    def upload(self, data: bytes, vector: IntegerVector, max_value: int) -> bytes:
        """Upload: encrypt every coordinate for itself.

        Args:
            data: an `UploadRequest`.
            vector: shape (m,), uint64 or int64, values 0 to `max_value`.
            max_value: the largest value allowed.

        Returns:
            An `EncryptedVector`.

        Raises:
            ParameterError: for a vector that does not fit; the step can be repeated.
            ConsistencyError, ThresholdError: for a list of participants that cannot be.
            WrongTimeError, MalformedMessageError, ForeignMessageError: as all steps.
        """
        check_range(vector, self._invitation.length, max_value)
        _, request = self._take(_Joined, UploadRequest, data)
        participants = frozenset(request.participants)
        if self.client_id not in participants or not participants <= {*self._invitation.cohort}:
            raise ConsistencyError("participants that were never invited, or not this one", SERVER)
        self._require(len(participants), "participants")
        self._own = self._key.encode_all(self._key.encrypt(int(value)) for value in vector)
        self._participants, self._state = participants, _Uploaded()
        return seal(EncryptedVector(self.session_id, self.client_id, self._own), self._identity)

    def consent(self, data: bytes) -> bytes:
        """Decryption: form the product of all uploads, and consent to its decryption.

        Args:
            data: a `ConsentRequest`.

        Returns:
            A `Consent`.

        Raises:
            ConsistencyError: if the uploads are not those of participants, this client's own, as
                it made it, among them.
            SignatureError: naming the server, if it passed on an upload that was not signed.
            ThresholdError: if the sum is over fewer clients than the threshold.
            WrongTimeError, MalformedMessageError, ForeignMessageError: as all steps.
        """
        _, request = self._take(_Uploaded, ConsentRequest, data)
        senders = frozenset(upload.sender for upload in request.uploads)
        if not senders <= self._participants or self.client_id not in senders:
            raise ConsistencyError("a sum over others than the participants", SERVER)
        self._require(len(senders), "clients in the sum")
        for upload, signature in zip(request.uploads, request.signatures, strict=True):
            self._check_upload(upload, signature)
        product = multiply_uploads(self._key, request.uploads, self._invitation.length)
        digest = digest_of(self.session_id, self.client_id, product)
        return seal(Consent(self.session_id, self.client_id, digest), self._identity)

    def _check_upload(self, upload: EncryptedVector, signature: bytes) -> None:
        if upload.sender == self.client_id and upload.ciphertexts != self._own:
            raise ConsistencyError("another upload under this client's name", SERVER)
        with blaming(SERVER):
            if self._identity is not None:
                self._registry[upload.sender].verify(SIGNED_MESSAGE, upload.to_bytes(), signature)
            elif signature:
                raise SignatureError("a signature in a session without")

    def _require(self, found: int, what: str) -> None:
        if found < self._invitation.key.threshold:
            raise ThresholdError(what, found, self._invitation.key.threshold)


def multiply_uploads(
    key: PaillierPublicKey, uploads: tuple[EncryptedVector, ...], length: int
) -> bytes:
    """Return the encoded product of uploads, coordinate by coordinate.

    Raises:
        MalformedMessageError: naming the server, if an upload is no vector of ciphertexts.
    """
    try:
        decoded = [key.decode_all(upload.ciphertexts, length) for upload in uploads]
    except DecodingError as error:
        raise MalformedMessageError(str(error), SERVER) from error
    return key.encode_all(key.add(column) for column in zip(*decoded, strict=True))
