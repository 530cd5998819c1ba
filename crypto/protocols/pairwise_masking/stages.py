"""The stages of pairwise masking, in their order, and the message that ends each for a client."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from crypto.protocols.masking.messages import MaskedVector
from crypto.protocols.pairwise_masking.messages import EncryptedKeyShares, KeyShares, PublicKeys
from crypto.session.messages import ClientMessage


class Stage(StrEnum):
    """A message from the server to each client and the client's answer.

    A client that drops out in a stage no longer gives that stage's answer. Those that do are the
    paper's sets P1 to P4.
    """

    ADVERTISE_KEYS = "advertise keys"
    SHARE_KEYS = "share keys"
    MASKED_INPUT = "masked input"
    RECOVERY = "recovery"


CLIENT_MESSAGES: Final[Mapping[str, type[ClientMessage]]] = {
    Stage.ADVERTISE_KEYS: PublicKeys,
    Stage.SHARE_KEYS: EncryptedKeyShares,
    Stage.MASKED_INPUT: MaskedVector,
    Stage.RECOVERY: KeyShares,
}
