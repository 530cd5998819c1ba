"""The messages of a joint session that masking does not have; `key_messages.py` has the set-up's.

Elements of a group, ciphertexts and proofs travel as bytes: who receives them knows the group, and
decoding checks membership.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar

from crypto.codec import Message, PerClient
from crypto.codings import ClientIds, Digest, Sized, Uint32
from crypto.protocols.quality_sum.parameters import QualityParameters
from crypto.session.messages import ClientMessage, OpeningMessage, SessionMessage


class MessageType(IntEnum):
    """Type numbers on the wire: 80 to 95 are this protocol's."""

    QUALITY_INVITATION = 80
    ENCRYPTED_QUALITY = 81
    QUALITY_UPLOAD = 82
    HELP_REQUEST = 83
    CHECKED_HELP_REQUEST = 84
    PARTIAL_DECRYPTION = 85
    SYSTEM_KEY_OFFER = 86
    DEALT_SYSTEM_KEY = 87
    SYSTEM_KEY_RECEIPT = 88


@dataclass(frozen=True)
class QualityInvitation(OpeningMessage):
    """Server to client: take part in this joint session.

    Attributes:
        masks: the encoded invitation of the masking protocol, which has nonce, round and cohort.
        key_id: names the system key, `SystemKey.key_id`.
        parameters: what is agreed about the qualities.
    """

    TYPE: ClassVar[int] = MessageType.QUALITY_INVITATION
    SESSION: ClassVar[str] = "quality sum/session"
    masks: Sized
    key_id: Digest
    parameters: QualityParameters


@dataclass(frozen=True)
class EncryptedQuality(ClientMessage):
    """Client to server, and on to the clients that help to decrypt: its quality.

    Attributes:
        ciphertext: the paper's (c_i1, c_i2), equation (17).
        knowledge: proof that the client made the ciphertext itself; empty where nobody checks.
    """

    TYPE: ClassVar[int] = MessageType.ENCRYPTED_QUALITY
    ciphertext: Sized
    knowledge: Sized = b""


@dataclass(frozen=True)
class QualityUpload(Message):
    """Client to server: the paper's (i, y_i, c_i1, c_i2), both parts or nothing.

    Attributes:
        masked: the encoded upload of the masking protocol, which names session and client.
        quality: an encoded `EncryptedQuality`, likewise; signed if the session is.
        range_proof: proof that the quality lies in its range; empty in sessions without proofs.
    """

    TYPE: ClassVar[int] = MessageType.QUALITY_UPLOAD
    quality: Sized = field(kw_only=True)
    range_proof: Sized = field(default=b"", kw_only=True)
    masked: Sized


@dataclass(frozen=True)
class HelpRequest(SessionMessage):
    """Server to one client of P5: decrypt your part.

    Attributes:
        attempt: counts the sets P5 that were tried, from 0.
        base: the paper's c1^(delta_i), equation (20).
    """

    TYPE: ClassVar[int] = MessageType.HELP_REQUEST
    attempt: Uint32
    base: Sized


@dataclass(frozen=True)
class CheckedHelpRequest(SessionMessage):
    """Server to each client of P5: see what is to be decrypted, and decrypt your part.

    Attributes:
        attempt: counts the sets P5 that were tried, from 0.
        helpers: the set P5.
        qualities: the signed `EncryptedQuality` of every survivor, as the survivor sent it.
    """

    TYPE: ClassVar[int] = MessageType.CHECKED_HELP_REQUEST
    attempt: Uint32
    helpers: ClientIds
    qualities: PerClient[Sized]


@dataclass(frozen=True)
class PartialDecryption(ClientMessage):
    """Client to server: its part of the decryption.

    Attributes:
        attempt: of the request.
        value: the paper's lambda_i, equation (21).
        proof: proof that it is right; empty in sessions without proofs.
    """

    TYPE: ClassVar[int] = MessageType.PARTIAL_DECRYPTION
    attempt: Uint32
    value: Sized
    proof: Sized = b""
