"""One client in one session of a sum by threshold ElGamal: three steps, each taken once."""

from collections.abc import Mapping, Sequence
from typing import Generic

from crypto.domain import domain_tag, encode_id
from crypto.elgamal.encryption import Ciphertext
from crypto.elgamal.threshold import KeyShare, ThresholdKey
from crypto.encoding.residues import IntegerVector, check_range
from crypto.groups.base import Element
from crypto.parties import ClientId
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.proofs.equality import PowerProof, PowerStatement
from crypto.proofs.knowledge import KnowledgeClaim, KnowledgeProof
from crypto.proofs.range_proof import RangeProver
from crypto.protocols.elgamal_sum.messages import (
    DecryptionRequest,
    EncryptedVector,
    Invitation,
    PartialDecryptions,
    Readiness,
    UploadReceipt,
    UploadRequest,
)
from crypto.protocols.elgamal_sum.receipts import knowledge_context, open_receipts
from crypto.randomness import Randomness
from crypto.session.helped_sum import HelpingClientSession, Joined, Stage, Uploaded
from crypto.session.opened_rounds import Opening
from crypto.session.signing import SIGNED_MESSAGE


class ElGamalClientSession(HelpingClientSession, Generic[Element]):
    """One client in one session; made by `ElGamalClient.join`.

    A message at the wrong time, of another session or malformed is refused and changes nothing.
    Once a message's content was found wrong the round is over for this client. It helps to decrypt
    once a session, whatever it is asked: that is what keeps the sum the only thing decrypted.
    """

    READINESS = Readiness

    def __init__(
        self,
        client_id: ClientId,
        invitation: Invitation,
        key: ThresholdKey[Element],
        share: KeyShare,
        opening: Opening,
        *,
        identity: SigningIdentity | None,
        registry: Mapping[ClientId, VerifyKey],
        randomness: Randomness,
    ) -> None:
        super().__init__(
            client_id,
            invitation,
            invitation.parameters.threshold,
            opening,
            identity=identity,
            registry=registry,
            randomness=randomness,
        )
        self._parameters = invitation.parameters
        self._key = key
        self._group = key.group
        self._share = share

    def step(self, stage: str, data: bytes, given: IntegerVector) -> bytes:
        """Take the step of a stage after the first: `upload` or `decrypt`."""
        return self.upload(data, given) if stage == Stage.UPLOAD else self.decrypt(data)

    def upload(self, data: bytes, vector: IntegerVector) -> bytes:
        """Upload: encrypt every coordinate for itself, equation (17).

        Args:
            data: an `UploadRequest`.
            vector: shape (m,), integers of 32 or 64 bits, values 0 to `max_value`.

        Returns:
            An `EncryptedVector`, with a range proof for each coordinate if the session has proofs.

        Raises:
            ParameterError: for a vector that does not fit; the step can be repeated.
            OpenedRoundError: if this client has helped to decrypt another sum of the same round.
            ConsistencyError, ThresholdError: for a list of participants that cannot be.
            WrongTimeError, MalformedMessageError, ForeignMessageError: as all steps.
        """
        check_range(vector, self._parameters.length, self._parameters.max_value)
        self._opening.check()
        _, request = self._take(Joined, UploadRequest, data)
        self._check_participants(request.participants)
        exponents = [self._group.random_exponent(self._randomness) for _ in vector]
        ciphertexts, proofs = self._encrypt(vector, exponents)
        c1s = self._group.encode_all(ciphertext.c1 for ciphertext in ciphertexts)
        c2s = self._group.encode_all(ciphertext.c2 for ciphertext in ciphertexts)
        knowledge, signature = b"", b""
        if self._identity is not None:
            knowledge = self._prove_knowledge(ciphertexts, exponents)
        receipt = UploadReceipt(self.session_id, self.client_id, c1s, knowledge)
        if self._identity is not None:
            signature = self._identity.sign(SIGNED_MESSAGE, receipt.to_bytes())
        self._own, self._state = c1s, Uploaded()
        return self._answer(EncryptedVector, c1s, c2s, knowledge, proofs, signature)

    def decrypt(self, data: bytes) -> bytes:
        """Decryption: raise the sum's c1 to the client's share, equation (21).

        Args:
            data: a `DecryptionRequest`.

        Returns:
            A `PartialDecryptions`, with a proof if the session has proofs.

        Raises:
            ConsistencyError: if the uploads are not those of enough participants, this client's
                own, as it made it, among them.
            SignatureError: naming the server, if it passed on a receipt that was not signed.
            ProofError: naming a client that does not know what it encrypted.
            ThresholdError: if the sum is over fewer clients than the threshold.
            OpenedRoundError: if this client has helped to decrypt another sum of the same round.
            WrongTimeError, MalformedMessageError, ForeignMessageError: as all steps.
        """
        _, request = self._take(Uploaded, DecryptionRequest, data)
        bases = self._sum_of(request)
        self._opening.take()
        powers = tuple(self._share.partially_decrypt(base, self._group) for base in bases)
        proof = b""
        if self._parameters.proofs and bases:
            key = self._key.verification_key(self._share.point)
            statement = PowerStatement(self._group, key, bases, powers)
            context = decryption_context(self.session_id, self.client_id)
            made = PowerProof.make(statement, self._share.value, context, self._randomness)
            proof = made.to_bytes(self._group)
        encoded = self._group.encode_all(powers)
        return self._answer(PartialDecryptions, encoded, proof)

    def _encrypt(
        self, vector: IntegerVector, exponents: Sequence[int]
    ) -> tuple[list[Ciphertext[Element]], bytes]:
        values = [int(value) for value in vector]
        public_key = self._key.public_key
        ciphertexts = [
            public_key.encrypt_with(value, r) for value, r in zip(values, exponents, strict=True)
        ]
        if not self._parameters.proofs:
            return ciphertexts, b""
        prover = RangeProver(public_key, self._parameters.max_value)
        proofs = []
        for index, (value, r) in enumerate(zip(values, exponents, strict=True)):
            context = value_context(self.session_id, self.client_id, index)
            proof = prover.prove(ciphertexts[index], value, r, context, self._randomness)
            proofs.append(proof.to_bytes(self._group))
        return ciphertexts, b"".join(proofs)

    def _prove_knowledge(
        self, ciphertexts: Sequence[Ciphertext[Element]], exponents: Sequence[int]
    ) -> bytes:
        proofs = []
        for index, (ciphertext, r) in enumerate(zip(ciphertexts, exponents, strict=True)):
            context = knowledge_context(self.session_id, self.client_id, index)
            claim = KnowledgeClaim(ciphertext.c1, context)
            made = KnowledgeProof.make(self._group, claim, r, self._randomness)
            proofs.append(made.to_bytes(self._group))
        return b"".join(proofs)

    def _sum_of(self, request: DecryptionRequest) -> tuple[Element, ...]:
        """Check what is to be decrypted, and return the sum's c1 for every coordinate: (19)."""
        self._check_uploads(request.receipts, request.signatures, lambda receipt: receipt.c1s)
        opened = open_receipts(self._group, request.receipts, self._parameters, self._randomness)
        return tuple(self._group.product(column) for column in zip(*opened, strict=True))


def value_context(session_id: bytes, client: ClientId, index: int) -> bytes:
    """Return what a coordinate's range proof is bound to."""
    return domain_tag(
        "elgamal_sum/value", session_id, encode_id(client), index.to_bytes(4, "little")
    )


def decryption_context(session_id: bytes, client: ClientId) -> bytes:
    """Return what the proof of a client's partial decryptions is bound to."""
    return domain_tag("elgamal_sum/decryption", session_id, encode_id(client))
