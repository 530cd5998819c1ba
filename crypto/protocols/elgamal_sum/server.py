"""The server of a sum by threshold ElGamal.

It multiplies ciphertexts as they arrive, and asks survivors to decrypt the product. Each stage
takes one message from every client asked (`receive`) and is closed by the method that makes the
next messages. A client that sends nothing, or nothing acceptable, has dropped out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Generic

from crypto.elgamal.discrete_log import DiscreteLog
from crypto.elgamal.encryption import Ciphertext
from crypto.errors import (
    CapacityError,
    MalformedMessageError,
    ShareError,
    SignatureError,
)
from crypto.groups.base import Element
from crypto.parties import ClientId
from crypto.primitives.shamir import holder_point
from crypto.primitives.signatures import VerifyKey
from crypto.proofs.bits import RangeProof, range_proof_bytes
from crypto.proofs.equality import PowerProof, PowerStatement
from crypto.proofs.range_proof import RangeVerifier
from crypto.protocols.elgamal_sum.authority import KeyDelivery, read_key
from crypto.protocols.elgamal_sum.client_session import decryption_context, value_context
from crypto.protocols.elgamal_sum.messages import (
    DecryptionRequest,
    EncryptedVector,
    Invitation,
    PartialDecryptions,
    Readiness,
    UploadRequest,
)
from crypto.protocols.elgamal_sum.parameters import ElGamalParameters
from crypto.protocols.elgamal_sum.receipts import open_receipts
from crypto.randomness import SYSTEM, Randomness
from crypto.session.admission import Kinds
from crypto.session.helped_sum import HelpedServer, Stage
from crypto.session.messages import NONCE_BYTES, ClientMessage
from crypto.session.signing import SIGNED_MESSAGE
from crypto.session.thresholds import ChooseHelpers, choose_at_random

CLIENT_MESSAGES: Final[Kinds] = {
    Stage.KEY_SETUP: Readiness,
    Stage.UPLOAD: EncryptedVector,
    Stage.DECRYPTION: PartialDecryptions,
}


@dataclass(frozen=True)
class DecryptedSum:
    """What a session leaves behind.

    Attributes:
        values: the sums over the integers, one a coordinate.
        survivors: the clients in them.
    """

    values: tuple[int, ...]
    survivors: tuple[ClientId, ...]


class ElGamalServer(HelpedServer, Generic[Element]):
    """The server's part in one session.

    Args:
        cohort: the clients asked, in increasing order.
        parameters: the session's public parameters.
        round_id: the training round.
        delivery: the system key.
        logarithms: finds the sums; its bound is at least the largest that is possible.
        registry: the verify keys of the clients; needed in signed sessions.
        randomness: where the session's nonce and the choice of helpers come from.
        choose_helpers: which survivors decrypt.
        binding: digest of what the server gave the clients before; empty if it gave nothing.

    Raises:
        ParameterError: for a cohort out of order.
        MalformedMessageError: for a key of another group.
    """

    UPLOAD_REQUEST = UploadRequest
    HELP_REQUEST = DecryptionRequest

    def __init__(
        self,
        cohort: tuple[ClientId, ...],
        parameters: ElGamalParameters,
        round_id: int,
        delivery: KeyDelivery,
        logarithms: DiscreteLog[Element],
        registry: Mapping[ClientId, VerifyKey] | None = None,
        randomness: Randomness = SYSTEM,
        choose_helpers: ChooseHelpers = choose_at_random,
        binding: bytes = b"",
    ) -> None:
        nonce = randomness.bytes(NONCE_BYTES)
        self._invitation = Invitation(
            nonce,
            round_id,
            cohort,
            parameters,
            delivery.announcement,
            delivery.signature,
            b"",
            binding=binding,
        )
        self._registry = (registry or {}) if parameters.signed else None
        super().__init__(
            self._invitation,
            CLIENT_MESSAGES,
            parameters.threshold,
            self._registry,
            randomness,
            choose_helpers,
        )
        self._parameters = parameters
        self._delivery = delivery
        self._group = logarithms.group
        self._key = read_key(delivery.announcement, self._group)
        self._logarithms = logarithms
        self.ready: set[ClientId] = set()
        """Clients that have said that they have their share of the key."""
        self._sum = [Ciphertext(self._group.identity, self._group.identity)] * parameters.length
        self._partials: dict[int, tuple[Element, ...]] = {}

    def invite(self) -> dict[ClientId, bytes]:
        """Open the session; return an `Invitation` for each client of the cohort."""
        shares = self._delivery.sealed_shares
        self._begin(Stage.KEY_SETUP, frozenset(self.cohort))
        return {
            client: replace(self._invitation, sealed_share=shares.get(client, b"")).to_bytes()
            for client in self.cohort
        }

    def request_decryption(self) -> dict[ClientId, bytes]:
        """Close the upload; return a `DecryptionRequest` for the first helpers."""
        return self._request_help()

    def request_more_help(self) -> dict[ClientId, bytes]:
        """Return requests for as many survivors as are missing; none if none are, or none left."""
        return self._request_more()

    def decrypt(self) -> DecryptedSum:
        """Close the session: combine the partial decryptions, equations (22) and (23).

        Raises:
            ThresholdError: if too few clients helped.
            ShareError: if no sum within the bound fits: in sessions without proofs some client
                has sent a false value or partial decryption, and it cannot be told which.
        """
        self._door.close(Stage.DECRYPTION)
        largest = len(self._uploads) * self._parameters.max_value
        values = []
        for index, ciphertext in enumerate(self._sum):
            partials = {point: powers[index] for point, powers in self._partials.items()}
            try:
                values.append(self._key.decrypt(ciphertext, partials, self._logarithms))
            except CapacityError as error:
                raise ShareError(f"the sum does not decrypt: {error}") from error
            if values[-1] > largest:
                raise ShareError(f"a sum of {values[-1]}, above {largest}")
        return DecryptedSum(tuple(values), self.survivors)

    def _accept(self, message: ClientMessage, signature: bytes) -> None:  # noqa: ARG002
        """Keep what a message says.

        Raises:
            MalformedMessageError: for what are no elements of the group, or no proofs.
            ProofError: for a value that is not shown to be in range, or a partial decryption that
                is not shown to be right.
        """
        match message:
            case Readiness():
                self.ready.add(message.sender)
            case EncryptedVector():
                self._accept_upload(message)
            case PartialDecryptions():
                self._accept_partials(message)

    def _accept_upload(self, message: EncryptedVector) -> None:
        group, length = self._group, self._parameters.length
        receipt = message.receipt()
        if self._registry is not None:
            self._registry[message.sender].verify(
                SIGNED_MESSAGE, receipt.to_bytes(), message.receipt_signature
            )
        elif message.receipt_signature:
            raise SignatureError("a signature in a session without")
        (c1s,) = open_receipts(group, [receipt], self._parameters, self._randomness)
        halves = c1s, group.decode_all(message.c2s, length)
        ciphertexts = [Ciphertext(c1, c2) for c1, c2 in zip(*halves, strict=True)]
        self._check_ranges(message, ciphertexts)
        pairs = zip(self._sum, ciphertexts, strict=True)
        self._sum = [total.add(ciphertext, group) for total, ciphertext in pairs]
        self._uploads[message.sender] = receipt, message.receipt_signature

    def _check_ranges(
        self, message: EncryptedVector, ciphertexts: Sequence[Ciphertext[Element]]
    ) -> None:
        maximum = self._parameters.max_value
        size = range_proof_bytes(self._group, maximum) if self._parameters.proofs else 0
        if len(message.proofs) != size * len(ciphertexts):
            raise MalformedMessageError(f"proofs of {len(message.proofs)} bytes")
        if not size:
            return
        verifier = RangeVerifier(self._key.public_key, maximum)
        for index, ciphertext in enumerate(ciphertexts):
            encoded = message.proofs[index * size : (index + 1) * size]
            proof = RangeProof.from_bytes(encoded, self._group, maximum)
            context = value_context(self.session_id, message.sender, index)
            verifier.verify(ciphertext, proof, context, self._randomness)

    def _accept_partials(self, message: PartialDecryptions) -> None:
        powers = self._group.decode_all(message.powers, self._parameters.length)
        point = holder_point(self._invitation.key.clients, message.sender)
        if self._parameters.proofs and powers:
            proof = PowerProof.from_bytes(message.proof, self._group)
            bases = tuple(ciphertext.c1 for ciphertext in self._sum)
            key = self._key.verification_key(point)
            statement = PowerStatement(self._group, key, bases, powers)
            proof.verify(statement, decryption_context(self.session_id, message.sender))
        elif message.proof:
            raise MalformedMessageError("a proof in a session without")
        self._partials[point] = powers
