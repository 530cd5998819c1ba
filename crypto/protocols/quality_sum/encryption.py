"""A client's quality on its way: encrypted and proven by the client, checked by all who use it."""

from functools import cached_property
from typing import Generic

from crypto.elgamal.encryption import Ciphertext
from crypto.errors import DecodingError, blaming
from crypto.groups.base import Element
from crypto.parties import ClientId
from crypto.proofs.bits import RangeProof
from crypto.proofs.knowledge import (
    KnowledgeClaim,
    KnowledgeProof,
    decode_knowledge_proofs,
    verify_knowledge_proofs,
)
from crypto.proofs.range_proof import RangeProver, RangeVerifier
from crypto.protocols.quality_sum.messages import EncryptedQuality
from crypto.protocols.quality_sum.parameters import QualityParameters
from crypto.protocols.quality_sum.proof_contexts import knowledge_context, range_context
from crypto.protocols.quality_sum.system_key import SystemKey
from crypto.randomness import SYSTEM, Randomness


class QualityEncryption(Generic[Element]):
    """What all parties of one session do with encrypted qualities.

    Args:
        session_id: the session.
        system: the key.
        parameters: what is agreed about the qualities.
    """

    def __init__(
        self, session_id: bytes, system: SystemKey[Element], parameters: QualityParameters
    ) -> None:
        self._session_id = session_id
        self._system = system
        self._parameters = parameters

    def encrypt(
        self, client: ClientId, quality: int, randomness: Randomness = SYSTEM
    ) -> tuple[EncryptedQuality, bytes]:
        """Encrypt a quality and prove what the session asks for; run by the client.

        Args:
            client: whose quality.
            quality: 0 to `max_quality`.
            randomness: where the ciphertext's exponent and the proofs' nonces come from.

        Returns:
            The message, and the encoded range proof, which only the server needs.

        Source: equation (17) of the paper.
        """
        group, public = self._system.group, self._system.public
        r = group.random_exponent(randomness)
        ciphertext = public.encrypt_with(quality, r)
        range_proof = b""
        if self._parameters.proofs:
            prover = RangeProver(public, self._parameters.max_quality)
            context = range_context(self._session_id, client)
            proof = prover.prove(ciphertext, quality, r, context, randomness)
            range_proof = proof.to_bytes(group)
        encoded = ciphertext.to_bytes(group)
        knowledge = b""
        if self._parameters.checked:
            claim = self._claim(client, ciphertext, encoded)
            knowledge = KnowledgeProof.make(group, claim, r, randomness).to_bytes(group)
        return EncryptedQuality(self._session_id, client, encoded, knowledge), range_proof

    def decode(self, message: EncryptedQuality) -> Ciphertext[Element]:
        """Return a message's ciphertext; run by all who use it.

        In sessions whose helpers check what they decrypt, the sender must know its exponent: no
        client can then have made its ciphertext from another one's.

        Raises:
            MalformedMessageError: if it holds no elements of the group, or no proof or one too
                many.
            ProofError: if the sender does not know what it encrypted.
            Both name the sender.
        """
        group = self._system.group
        with blaming(message.sender):
            ciphertext = Ciphertext.from_bytes(message.ciphertext, group)
            if not self._parameters.checked:
                _check_empty(message.knowledge)
                return ciphertext
            proofs = decode_knowledge_proofs(message.knowledge, group, 1)
            claim = self._claim(message.sender, ciphertext, message.ciphertext)
            verify_knowledge_proofs(group, [claim], proofs)
        return ciphertext

    def check_range(
        self, client: ClientId, ciphertext: Ciphertext[Element], range_proof: bytes
    ) -> None:
        """Refuse a quality that is not shown to lie in its range; run by the server.

        Raises:
            MalformedMessageError: if there is no proof, or one in a session without.
            ProofError: if it does not verify.
            Both name the client.
        """
        group = self._system.group
        with blaming(client):
            if not self._parameters.proofs:
                _check_empty(range_proof)
                return
            maximum = self._parameters.max_quality
            proof = RangeProof.from_bytes(range_proof, group, maximum)
            self._verifier.verify(ciphertext, proof, range_context(self._session_id, client))

    def _claim(
        self, client: ClientId, ciphertext: Ciphertext[Element], encoded: bytes
    ) -> KnowledgeClaim[Element]:
        return KnowledgeClaim(ciphertext.c1, knowledge_context(self._session_id, client, encoded))

    @cached_property
    def _verifier(self) -> RangeVerifier[Element]:
        return RangeVerifier(self._system.public, self._parameters.max_quality)


def _check_empty(proof: bytes) -> None:
    if proof:
        raise DecodingError("a proof in a session without")
