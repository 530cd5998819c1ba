"""The server of joint sessions: a masking server and the decryption of qualities, in lock-step.

An upload counts as a whole or not at all, so that both sums are over the same survivors.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from crypto.elgamal.discrete_log import DiscreteLog
from crypto.errors import (
    MalformedMessageError,
    WrongTimeError,
    blaming,
)
from crypto.groups.base import Element
from crypto.parties import ClientId
from crypto.primitives.signatures import VerifyKey
from crypto.protocols.masking.messages import MaskedVector
from crypto.protocols.masking.roles import MaskServer
from crypto.protocols.masking.stages import Stage as MaskStage
from crypto.protocols.masking.unmasking import Unmasked
from crypto.protocols.quality_sum.decryption import QualityDecryption
from crypto.protocols.quality_sum.messages import (
    PartialDecryption,
    QualityInvitation,
    QualityUpload,
)
from crypto.protocols.quality_sum.parameters import QualityParameters
from crypto.protocols.quality_sum.system_key import SystemKey
from crypto.randomness import SYSTEM, Randomness
from crypto.session.exchange import Opening
from crypto.wire import message_type


@dataclass(frozen=True)
class Totals:
    """What a joint session leaves behind.

    Attributes:
        sum: shape (m,), uint64, 0 to 2^k - 1: of the survivors' vectors, without phi.
        quality_sum: of the survivors' qualities.
        survivors: the clients in both sums.
        false_holders: clients whose shares of masks were false, and were not needed.
    """

    sum: NDArray[np.uint64]
    quality_sum: int
    survivors: tuple[ClientId, ...]
    false_holders: tuple[ClientId, ...]


class QualityServer(Generic[Element]):
    """The server's part in one session.

    Args:
        masks: the masking protocol's server.
        system: the system key.
        parameters: what is agreed about the qualities.
        logarithms: finds the sum of the qualities.
        registry: the verify keys of the clients if they sign their messages, else None.
        randomness: what the helpers are drawn with.

    Attributes:
        invitation: what it announces.
        masks: the masking protocol's server.
    """

    def __init__(
        self,
        masks: MaskServer,
        system: SystemKey[Element],
        parameters: QualityParameters,
        logarithms: DiscreteLog[Element],
        registry: Mapping[ClientId, VerifyKey] | None = None,
        randomness: Randomness = SYSTEM,
    ) -> None:
        self.invitation = QualityInvitation(masks.invitation.to_bytes(), system.key_id, parameters)
        self.masks = masks
        self._parameters = parameters
        self._decryption = QualityDecryption(
            self.invitation.session_id(), system, parameters, logarithms, registry, randomness
        )
        self._unmasked: Unmasked | None = None

    def openings(self) -> Iterable[tuple[str, Opening]]:
        """Return what opens each stage up to the unmasking, in their order."""
        openings = dict(self.masks.openings())
        invite, deliver = openings[MaskStage.ADVERTISE_KEYS], openings[MaskStage.MASKED_INPUT]

        def open_upload() -> Mapping[ClientId, bytes]:
            messages = deliver()
            self._decryption.open_upload(frozenset(messages))
            return messages

        openings[MaskStage.ADVERTISE_KEYS] = lambda: dict.fromkeys(
            invite(), self.invitation.to_bytes()
        )
        openings[MaskStage.MASKED_INPUT] = open_upload
        return openings.items()

    def receive(self, sender: ClientId, data: bytes) -> None:
        """Take a client's message for the present stage.

        Args:
            sender: the client, as the transport knows it.
            data: a `QualityUpload`, a `PartialDecryption`, or a message of the masking protocol.

        Raises:
            MalformedMessageError: if `data` is no message of a client.
            ProofError: if a quality is not shown to lie in its range, or a partial decryption to
                be right.
            Others as `StagedServer.receive`.

        Guarantees: a refused message changes nothing; every error names `sender`.
        """
        with blaming(sender):
            kind = message_type(data)
            if kind == QualityUpload.TYPE:
                self._receive_upload(sender, QualityUpload.from_bytes(data))
            elif kind == PartialDecryption.TYPE:
                self._decryption.receive(sender, data)
            elif kind == MaskedVector.TYPE:
                raise MalformedMessageError("a masked vector without its quality")
            else:
                self.masks.receive(sender, data)

    def unmask(self) -> None:
        """Close the masking protocol and the upload; theta is known from here on.

        Raises:
            ThresholdError, ShareError: as the masking protocol.

        Source: equation (18) of the paper.
        """
        present = self.masks.present
        self._unmasked = self.masks.unmask()
        self._decryption.close_upload(self._unmasked.survivors, present)

    @property
    def needs_help(self) -> bool:
        """Whether a set P5 has still to be asked."""
        return not self._decryption.is_complete

    def request_help(self) -> dict[ClientId, bytes]:
        """Ask a random set P5; see `QualityDecryption.request`."""
        return self._decryption.request()

    def totals(self) -> Totals:
        """Close the session: take phi times the sum of qualities off again.

        Raises:
            WrongTimeError: if the masks are still on, or partial decryptions missing.
            WrongContentError: if the sum of qualities cannot be.

        Source: equation (24) of the paper, before the division.
        """
        if self._unmasked is None:
            raise WrongTimeError("the vectors are not unmasked yet")
        quality_sum = self._decryption.decrypt()
        modulus_bits = self.masks.invitation.parameters.modulus_bits
        theta = self._unmasked.sum
        total = self._parameters.remove_qualities(theta, quality_sum, modulus_bits)
        return Totals(total, quality_sum, self._unmasked.survivors, self._unmasked.false_holders)

    def _receive_upload(self, sender: ClientId, upload: QualityUpload) -> None:
        def take_masked() -> None:
            if message_type(upload.masked) != MaskedVector.TYPE:
                raise MalformedMessageError("an upload without a masked vector")
            self.masks.receive(sender, upload.masked)

        self._decryption.receive_upload(sender, upload, take_masked)
