"""The stages, in their order, and the message that ends each for a client."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from crypto.protocols.homomorphic_sum.messages import EncryptedUpload, Readiness
from crypto.session.messages import ClientMessage


class Stage(StrEnum):
    """A message from the server to each client and the client's answer."""

    KEY_SETUP = "key setup"
    UPLOAD = "upload"


CLIENT_MESSAGES: Final[Mapping[str, type[ClientMessage]]] = {
    Stage.KEY_SETUP: Readiness,
    Stage.UPLOAD: EncryptedUpload,
}
