"""The client of Paillier sums: across rounds, and in one session."""

from collections.abc import Mapping, Sequence
from typing import Final

from crypto.encoding.residues import IntegerVector, check_range
from crypto.errors import (
    PolicyError,
)
from crypto.paillier.phe_keys import KEY_BITS, PaillierPublicKey
from crypto.parties import ClientId
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.proofs.paillier_knowledge import PlaintextProof
from crypto.protocols.paillier_sum.authority import KEY_PURPOSE, read_key
from crypto.protocols.paillier_sum.messages import (
    Consent,
    ConsentRequest,
    EncryptedVector,
    Invitation,
    KeyAnnouncement,
    Readiness,
    UploadRequest,
    digest_of,
)
from crypto.protocols.paillier_sum.uploads import check_uploads, knowledge_context, multiply_uploads
from crypto.randomness import SYSTEM, Randomness
from crypto.session.helped_sum import HelpingClientSession, Joined, Stage, Uploaded
from crypto.session.key_epochs import NewestKeys
from crypto.session.opened_rounds import Opening
from crypto.session.signing import sign_message
from crypto.session.sum_client import KnownClient
from crypto.session.thresholds import check_cohort, check_threshold

MAX_UPLOAD: Final = 2**64 - 1
"""The largest value that a client encrypts: whoever runs it says what is allowed."""


class PaillierClient(KnownClient["PaillierClientSession"]):
    """A client with its identity, for any number of sessions.

    Args:
        client_id: its number.
        identity: signs its messages; None for sessions in which nobody signs.
        registry: the verify key of every client of the consortium, itself included; from where
            the server cannot alter it.
        threshold: the least that is agreed to; None for the default of `plan_threshold`.
        least_cohort: fewest clients of a session; None for more than half of those registered.
        least_key_bits: shorter keys are refused.
        randomness: where randomisers and the nonces of proofs come from.
    """

    INVITATION = Invitation

    def __init__(
        self,
        client_id: ClientId,
        identity: SigningIdentity | None = None,
        registry: Mapping[ClientId, VerifyKey] | None = None,
        *,
        threshold: int | None = None,
        least_cohort: int | None = None,
        least_key_bits: int = KEY_BITS,
        randomness: Randomness = SYSTEM,
    ) -> None:
        super().__init__(client_id, identity, registry, randomness)
        self._threshold = threshold
        self._least_cohort = least_cohort
        self._least_key_bits = least_key_bits
        self._newest: NewestKeys[KeyAnnouncement] = NewestKeys()

    def join(
        self, data: bytes, authority: VerifyKey | None, binding: bytes = b""
    ) -> "tuple[PaillierClientSession, bytes]":
        """Key setup: accept an invitation.

        Args:
            data: an `Invitation`.
            authority: the verify key of the authority; None if nobody signs.
            binding: digest of what the server gave this client before; empty if it was nothing.

        Returns:
            The client's part in the session, and a `Readiness` for the server.

        Raises:
            MalformedMessageError, ForeignMessageError, SignatureError: as they say.
            ReplayError: if this client has joined that very session before, or for a key of an
                earlier epoch than another one of this authority.
            ConsistencyError: for a second key of the same epoch.
            PolicyError: if the session is weaker than this client accepts.
            ConsistencyError: if the session is bound to something else than `binding`.
            OpenedRoundError: if this client has consented to another sum of the same round.

        Guarantees: a refused invitation changes nothing; errors name the server.
        """
        return self._enter(data, binding, authority)

    def _part(
        self, invitation: Invitation, opening: Opening, *trusted: VerifyKey | None
    ) -> "PaillierClientSession":
        (authority,) = trusted
        self._check_policy(invitation, authority)
        key = read_key(invitation.key, self._least_key_bits)
        self._newest.check(authority, invitation.key)
        self._newest.take(authority, invitation.key)
        return PaillierClientSession(
            self.client_id,
            invitation,
            key,
            opening,
            identity=self.identity,
            registry=self._registry,
            randomness=self._randomness,
        )

    def _check_policy(self, invitation: Invitation, authority: VerifyKey | None) -> None:
        key = invitation.key
        if not {*invitation.cohort} <= {*key.clients}:
            raise PolicyError("a cohort with clients that the key was not made for")
        check_cohort(len(invitation.cohort), len(self._registry), self._least_cohort)
        check_threshold(len(key.clients), key.threshold, self._threshold, signed=invitation.signed)
        if invitation.signed != (self.identity is not None):
            raise PolicyError("a session that is signed and should not be, or the reverse")
        if authority is not None:
            authority.verify(KEY_PURPOSE, key.to_bytes(), invitation.key_signature)
        elif self.identity is not None:
            raise PolicyError("a key of an unknown authority")


class PaillierClientSession(HelpingClientSession):
    """One client in one session; made by `PaillierClient.join`.

    A message at the wrong time, of another session or malformed is refused and changes nothing.
    Once a message's content was found wrong the round is over. It consents once.
    """

    READINESS = Readiness

    def __init__(
        self,
        client_id: ClientId,
        invitation: Invitation,
        key: PaillierPublicKey,
        opening: Opening,
        *,
        identity: SigningIdentity | None,
        registry: Mapping[ClientId, VerifyKey],
        randomness: Randomness,
    ) -> None:
        super().__init__(
            client_id,
            invitation,
            invitation.key.threshold,
            opening,
            identity=identity,
            registry=registry,
            randomness=randomness,
        )
        self._invitation = invitation
        self._key = key

    def step(self, stage: str, data: bytes, given: IntegerVector) -> bytes:
        """Take the step of a stage after the first: `upload` or `consent`."""
        if stage == Stage.UPLOAD:
            return self.upload(data, given, MAX_UPLOAD)
        return self.consent(data)

    def upload(self, data: bytes, vector: IntegerVector, max_value: int) -> bytes:
        """Upload: encrypt every coordinate for itself.

        Args:
            data: an `UploadRequest`.
            vector: shape (m,), integers of 32 or 64 bits, values 0 to `max_value`.
            max_value: the largest value allowed.

        Returns:
            An `EncryptedVector`.

        Raises:
            ParameterError: for a vector that does not fit; the step can be repeated.
            OpenedRoundError: if this client has consented to another sum of the same round.
            ConsistencyError, ThresholdError: for a list of participants that cannot be.
            WrongTimeError, MalformedMessageError, ForeignMessageError: as all steps.
        """
        check_range(vector, self._invitation.length, max_value)
        self._opening.check()
        _, request = self._take(Joined, UploadRequest, data)
        self._check_participants(request.participants)
        message = self._encrypt([int(value) for value in vector])
        self._own = message.ciphertexts
        self._state = Uploaded()
        return sign_message(message, self._identity)

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
            ProofError: naming a client that does not know what it encrypted.
            ThresholdError: if the sum is over fewer clients than the threshold.
            OpenedRoundError: if this client has consented to another sum of the same round.
            WrongTimeError, MalformedMessageError, ForeignMessageError: as all steps.
        """
        _, request = self._take(Uploaded, ConsentRequest, data)
        self._check_uploads(request.uploads, request.signatures, lambda upload: upload.ciphertexts)
        length, signed = self._invitation.length, self._identity is not None
        check_uploads(self._key, request.uploads, length, signed, self._randomness)
        product = multiply_uploads(self._key, request.uploads, length)
        self._opening.take()
        digest = digest_of(self.session_id, self.client_id, product)
        return self._answer(Consent, digest)

    def _encrypt(self, values: Sequence[int]) -> EncryptedVector:
        key, randomness = self._key, self._randomness
        randomisers = [key.random_unit(randomness) for _ in values]
        ciphertexts = [key.encrypt_with(m, r) for m, r in zip(values, randomisers, strict=True)]
        proofs = []
        if self._identity is not None:
            for index, c in enumerate(ciphertexts):
                context = knowledge_context(self.session_id, self.client_id, index)
                secrets = values[index], randomisers[index]
                proof = PlaintextProof.make(key, c, *secrets, context, randomness)
                proofs.append(proof.to_bytes(key))
        encoded = key.encode_all(ciphertexts)
        return EncryptedVector(self.session_id, self.client_id, encoded, b"".join(proofs))
