"""The stages of double masking, in their order, and the message that ends each for a client."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from crypto.protocols.masking.messages import (
    AdvertisedKeys,
    EncryptedShares,
    MaskedVector,
    ShareComplaint,
)
from crypto.protocols.masking.unmasking_messages import Agreement, UnmaskingAnswer
from crypto.session.messages import ClientMessage


class Stage(StrEnum):
    """A message from the server to each client and the client's answer.

    A client that drops out in a stage no longer gives that stage's answer.
    """

    ADVERTISE_KEYS = "advertise keys"
    SHARE_KEYS = "share keys"
    MASKED_INPUT = "masked input"
    CONSISTENCY = "consistency"
    UNMASKING = "unmasking"


CLIENT_MESSAGES: Final[Mapping[str, type[ClientMessage]]] = {
    Stage.ADVERTISE_KEYS: AdvertisedKeys,
    Stage.SHARE_KEYS: EncryptedShares,
    Stage.MASKED_INPUT: MaskedVector,
    Stage.CONSISTENCY: Agreement,
    Stage.UNMASKING: UnmaskingAnswer,
}

FAREWELLS: Final[Mapping[str, type[ClientMessage]]] = {Stage.MASKED_INPUT: ShareComplaint}
"""Messages with which a client may leave a session in place of that stage's answer."""
