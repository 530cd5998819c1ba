"""The client of joint sessions: a masking client and a holder of the system key, in lock-step."""

from collections.abc import Mapping
from typing import Generic

from crypto.encoding.residues import check_vector
from crypto.errors import PolicyError, ReplayError, WrongTimeError, blaming
from crypto.groups.base import Element
from crypto.parties import SERVER, ClientId
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.protocols.masking.messages import MaskedVector
from crypto.protocols.masking.roles import MaskClient, MaskPart
from crypto.protocols.quality_sum.decryption_helper import Agreed, Helper
from crypto.protocols.quality_sum.encryption import QualityEncryption
from crypto.protocols.quality_sum.messages import QualityInvitation, QualityUpload
from crypto.protocols.quality_sum.parameters import Contribution
from crypto.protocols.quality_sum.stages import Stage
from crypto.protocols.quality_sum.system_key import HeldKey
from crypto.randomness import SYSTEM, Randomness
from crypto.session.apart.participant import Call
from crypto.session.signing import sign_message
from crypto.wire import message_type


class QualityClient(Generic[Element]):
    """A client, for any number of sessions.

    Args:
        client_id: its number.
        masks: the same client in the masking protocol.
        proofs: whether it takes part only in sessions with proofs, or only in sessions without.
        checked: likewise for sessions whose helpers check what they decrypt; these are signed.
        identity: signs its messages; None in sessions without signatures.
        registry: the verify keys of all clients.
        randomness: where its ciphertexts and proofs come from.
    """

    def __init__(
        self,
        client_id: ClientId,
        masks: MaskClient,
        *,
        proofs: bool = False,
        checked: bool = False,
        identity: SigningIdentity | None = None,
        registry: Mapping[ClientId, VerifyKey] | None = None,
        randomness: Randomness = SYSTEM,
    ) -> None:
        self.client_id = client_id
        self._masks = masks
        self._proofs = proofs
        self._checked = checked
        self._identity = identity
        self._registry = registry or {}
        self._randomness = randomness
        self._held: HeldKey[Element] | None = None

    def hold(self, held: HeldKey[Element]) -> None:
        """Keep a share of a system key, in place of any other; called when a set-up is over.

        Raises:
            ReplayError: naming the server, unless its epoch is later than that of the other.
        """
        if self._held is not None and held.system.epoch <= self._held.system.epoch:
            raise ReplayError("a system key of no later epoch than the one at hand", SERVER)
        self._held = held

    def check_held(self, call: Call) -> None:
        """Do nothing if this client holds a share of a system key, named by its `key_id`.

        Raises:
            WrongTimeError: naming the server, if it does not.
        """
        if self._held is None or self._held.system.key_id != call.data:
            raise WrongTimeError("a system key of which this client has no share", SERVER)

    def join(
        self, data: bytes, binding: bytes = b""
    ) -> tuple["QualityClientSession[Element]", bytes]:
        """Advertise keys: accept an invitation and join the masking session inside it.

        Args:
            data: a `QualityInvitation`.
            binding: digest of what the server gave this client before; empty if it was nothing.

        Returns:
            The client's part in the session, and the masking protocol's first answer.

        Raises:
            PolicyError: if proofs or checks are not as agreed to.
            WrongTimeError: if this client holds no share of the system key that is named.
            MalformedMessageError, ForeignMessageError, ReplayError, ConsistencyError: as the
                masking protocol.
        """
        with blaming(SERVER):
            invitation = QualityInvitation.from_bytes(data)
            parameters = invitation.parameters
            if (parameters.proofs, parameters.checked) != (self._proofs, self._checked):
                raise PolicyError("proofs or checks other than those agreed to")
            if self._held is None or self._held.system.key_id != invitation.key_id:
                raise WrongTimeError("a system key of which this client has no share")
        masks, answer = self._masks.join(invitation.masks, binding)
        part = QualityClientSession(
            self.client_id,
            invitation,
            masks,
            self._held,
            identity=self._identity,
            registry=self._registry,
            randomness=self._randomness,
        )
        return part, answer


class QualityClientSession(Generic[Element]):
    """One client in one session; made by `QualityClient.join`."""

    def __init__(
        self,
        client_id: ClientId,
        invitation: QualityInvitation,
        masks: MaskPart,
        held: HeldKey[Element],
        *,
        identity: SigningIdentity | None,
        registry: Mapping[ClientId, VerifyKey],
        randomness: Randomness,
    ) -> None:
        self.client_id = client_id
        self.session_id = invitation.session_id()
        self._parameters = invitation.parameters
        self._masks = masks
        self._identity = identity
        self._registry = registry
        self._randomness = randomness
        self._encryption = QualityEncryption(self.session_id, held.system, self._parameters)
        self._helper = Helper(client_id, self.session_id, held, self._parameters, randomness)

    @property
    def agreed(self) -> tuple[ClientId, ...] | None:
        """As `MaskPart.agreed`."""
        return self._masks.agreed

    def step(self, stage: str, data: bytes, given: Contribution) -> bytes:
        """Take the step of a stage after the first.

        Args:
            stage: upload and decryption are steps of both protocols, the others of masking.
            data: the server's message.
            given: vector and quality, for the upload.
        """
        if stage == Stage.MASKED_INPUT:
            return self.upload(data, given)
        if stage == Stage.DECRYPTION:
            return self.help(data)
        return self._masks.step(stage, data, given.vector)

    def upload(self, data: bytes, given: Contribution) -> bytes:
        """Masked input: mask vector + phi quality, and encrypt the quality.

        Args:
            data: the masking protocol's message.
            given: vector and quality; they must fit the session.

        Returns:
            A `QualityUpload`; or the masking protocol's complaint about false shares.

        Raises:
            ParameterError: for a quality or vector that does not fit; the step can be repeated.
            Others as the masking protocol's upload.

        Source: equations (16) and (17) of the paper.
        """
        self._parameters.check_quality(given.quality)
        masking = self._masks.parameters
        check_vector(given.vector, masking.length, masking.modulus_bits)
        vector = self._parameters.add_quality(given.vector, given.quality, masking.modulus_bits)
        masked = self._masks.step(Stage.MASKED_INPUT, data, vector)
        if message_type(masked) != MaskedVector.TYPE:
            return masked
        quality, range_proof = self._encryption.encrypt(
            self.client_id, given.quality, self._randomness
        )
        signed = sign_message(quality, self._identity)
        return QualityUpload(masked, quality=signed, range_proof=range_proof).to_bytes()

    def help(self, data: bytes) -> bytes:
        """Decryption: answer a request; see `Helper.help`.

        Returns:
            A `PartialDecryption`, signed if the session is.
        """
        agreed = Agreed(self._masks.agreed, self._registry)
        return sign_message(self._helper.help(data, agreed), self._identity)
