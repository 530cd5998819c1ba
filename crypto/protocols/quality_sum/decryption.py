"""The server's side of the qualities: it adds up ciphertexts, and has the sum decrypted."""

from collections.abc import Callable, Mapping
from typing import Final, Generic

from crypto.elgamal.discrete_log import DiscreteLog
from crypto.elgamal.encryption import Ciphertext, add_all
from crypto.elgamal.threshold import lagrange_base
from crypto.errors import (
    CapacityError,
    MalformedMessageError,
    ThresholdError,
    WrongContentError,
    WrongTimeError,
    blaming,
)
from crypto.groups.base import Element
from crypto.parties import ClientId
from crypto.primitives.signatures import VerifyKey
from crypto.proofs.equality import PowerProof, PowerStatement
from crypto.protocols.quality_sum.encryption import QualityEncryption
from crypto.protocols.quality_sum.messages import (
    CheckedHelpRequest,
    EncryptedQuality,
    HelpRequest,
    PartialDecryption,
    QualityUpload,
)
from crypto.protocols.quality_sum.parameters import QualityParameters
from crypto.protocols.quality_sum.proof_contexts import decryption_context
from crypto.protocols.quality_sum.stages import Stage
from crypto.protocols.quality_sum.system_key import SystemKey
from crypto.randomness import SYSTEM, Randomness
from crypto.session.messages import ClientMessage
from crypto.session.staged_server import StagedServer
from crypto.session.thresholds import choose_at_random

CLIENT_MESSAGES: Final[Mapping[str, type[ClientMessage]]] = {
    Stage.MASKED_INPUT: EncryptedQuality,
    Stage.DECRYPTION: PartialDecryption,
}


class QualityDecryption(StagedServer, Generic[Element]):
    """The qualities of one session at the server, from the upload to their sum.

    Args:
        session_id: the session.
        system: the key.
        parameters: what is agreed about the qualities.
        logarithms: finds the sum; its bound is at least the largest one.
        registry: the verify keys of the clients if they sign their messages, else None.
        randomness: what the helpers are drawn with.
    """

    def __init__(
        self,
        session_id: bytes,
        system: SystemKey[Element],
        parameters: QualityParameters,
        logarithms: DiscreteLog[Element],
        registry: Mapping[ClientId, VerifyKey] | None = None,
        randomness: Randomness = SYSTEM,
    ) -> None:
        super().__init__(session_id, CLIENT_MESSAGES, system.key.threshold, registry)
        self._system = system
        self._parameters = parameters
        self._logarithms = logarithms
        self._randomness = randomness
        self._encryption = QualityEncryption(session_id, system, parameters)
        self._ciphertexts: dict[ClientId, Ciphertext[Element]] = {}
        self._signed: dict[ClientId, bytes] = {}
        self._survivors: tuple[ClientId, ...] = ()
        self._total: Ciphertext[Element] = add_all((), system.group)
        self._available: frozenset[ClientId] = frozenset()
        self._attempt = -1
        self._bases: dict[ClientId, Element] = {}
        self._partials: dict[ClientId, Element] = {}

    def open_upload(self, clients: frozenset[ClientId]) -> None:
        """Open the upload for the clients of P2."""
        self._begin(Stage.MASKED_INPUT, clients)

    def receive_upload(
        self, sender: ClientId, upload: QualityUpload, take_masked: Callable[[], None]
    ) -> None:
        """Take a client's upload, as a whole or not at all.

        Args:
            sender: the client, as the transport knows it.
            upload: what it sent.
            take_masked: gives the other part to the masking protocol, or raises.

        Raises:
            ProofError: if the quality is not shown to lie in its range.
            Others as `receive`, and what `take_masked` raises.
        """
        with blaming(sender):
            message, signature = self._door.admit(sender, upload.quality)
            if not isinstance(message, EncryptedQuality):
                raise MalformedMessageError("an upload without a quality")
            ciphertext = self._encryption.decode(message)
            self._encryption.check_range(sender, ciphertext, upload.range_proof)
            take_masked()
            self._ciphertexts[sender] = ciphertext
            self._signed[sender] = message.to_bytes() + signature
            self._door.accept(sender)

    def close_upload(self, survivors: tuple[ClientId, ...], present: frozenset[ClientId]) -> None:
        """Close the upload with the set P3, whose ciphertexts are multiplied.

        Args:
            survivors: P3, in increasing order.
            present: P4, the clients that may be asked for help.

        Source: equation (19) of the paper.
        """
        self._door.close(Stage.MASKED_INPUT)
        self._survivors = survivors
        self._total = add_all((self._ciphertexts[c] for c in survivors), self._system.group)
        self._available = present.intersection(survivors, self._system.holders)

    @property
    def is_complete(self) -> bool:
        """Whether all clients of a set P5 have answered rightly."""
        return bool(self._bases) and self._partials.keys() == self._bases.keys()

    def request(self) -> dict[ClientId, bytes]:
        """Choose a new set P5 of e clients at random and return a request for each.

        A client that was asked before and did not answer rightly is not asked again.

        Raises:
            ThresholdError: if fewer than e are left.

        Source: equation (20) of the paper.
        """
        self._available -= self._bases.keys() - self._partials.keys()
        threshold = self._system.key.threshold
        if len(self._available) < threshold:
            raise ThresholdError("clients to decrypt", len(self._available), threshold)
        chosen = choose_at_random(sorted(self._available), threshold, self._randomness)
        helpers = tuple(sorted(chosen))
        points = [self._system.point(helper) for helper in helpers]
        self._bases = {
            helper: lagrange_base(self._total.c1, point, points, self._system.group)
            for helper, point in zip(helpers, points, strict=True)
        }
        self._partials = {}
        self._attempt += 1
        self._door.open(Stage.DECRYPTION, frozenset(helpers))
        if not self._parameters.checked:
            return {
                helper: HelpRequest(
                    self.session_id, self._attempt, self._system.group.encode(base)
                ).to_bytes()
                for helper, base in self._bases.items()
            }
        qualities = tuple(self._signed[survivor] for survivor in self._survivors)
        request = CheckedHelpRequest(self.session_id, self._attempt, helpers, qualities)
        return dict.fromkeys(helpers, request.to_bytes())

    def decrypt(self) -> int:
        """Close the session and return the sum of the survivors' qualities.

        Raises:
            WrongTimeError: if a set P5 is not complete.
            WrongContentError: if no sum of as many qualities fits: one of them or a partial
                decryption was false, in sessions without proofs.

        Source: equations (22) and (23) of the paper.
        """
        if not self.is_complete:
            raise WrongTimeError("partial decryptions are missing")
        self._door.close(Stage.DECRYPTION)
        group = self._system.group
        shared = group.product(self._partials.values())
        bound = len(self._survivors) * self._parameters.max_quality
        try:
            found = self._logarithms.solve(group.multiply(self._total.c2, group.invert(shared)))
        except CapacityError:
            found = bound + 1
        if found > bound:
            raise WrongContentError(f"the qualities do not add up to a sum in 0..{bound}")
        return found

    def _accept(self, message: ClientMessage, signature: bytes) -> None:  # noqa: ARG002
        if not isinstance(message, PartialDecryption):
            raise MalformedMessageError("a quality without its vector")
        self._partials[message.sender] = self._check_partial(message)

    def _check_partial(self, message: PartialDecryption) -> Element:
        if message.attempt != self._attempt:
            raise WrongContentError("an answer to another request")
        group, sender = self._system.group, message.sender
        value = group.decode(message.value)
        proof = PowerProof.from_bytes(message.proof, group) if message.proof else None
        if (proof is not None) != self._parameters.proofs:
            raise MalformedMessageError("a proof too many, or none where there should be one")
        if proof is not None:
            key = self._system.verification_keys[sender]
            statement = PowerStatement(group, key, (self._bases[sender],), (value,))
            proof.verify(statement, decryption_context(self.session_id, sender, self._attempt))
        return value
