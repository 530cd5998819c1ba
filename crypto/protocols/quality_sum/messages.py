"""The messages of a joint session that masking does not have; `key_messages.py` has the set-up's.

Elements of a group, ciphertexts and proofs travel as bytes: who receives them knows the group, and
decoding checks membership.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final, Self

from crypto.domain import domain_hash
from crypto.errors import ParameterError
from crypto.parties import ClientId
from crypto.protocols.quality_sum.parameters import QualityParameters
from crypto.session.messages import SESSION_ID_BYTES, ClientMessage, SessionMessage
from crypto.wire import Message, Reader, Writer, check_increasing, check_size

KEY_ID_BYTES: Final = 32
MAX_ATTEMPT: Final = 2**32 - 1


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
class QualityInvitation(Message):
    """Server to client: take part in this joint session.

    Attributes:
        masks: the encoded invitation of the masking protocol, which has nonce, round and cohort.
        key_id: names the system key, `SystemKey.key_id`.
        parameters: what is agreed about the qualities.
    """

    TYPE: ClassVar[int] = MessageType.QUALITY_INVITATION
    masks: bytes
    key_id: bytes
    parameters: QualityParameters

    def __post_init__(self) -> None:
        check_size("key_id", self.key_id, KEY_ID_BYTES)

    def session_id(self) -> bytes:
        """Return the hash of all that was announced, to which all below is bound."""
        return domain_hash("quality sum/session", self.to_bytes())

    def _write(self, writer: Writer) -> None:
        writer.sized(self.masks)
        writer.fixed(self.key_id, KEY_ID_BYTES)
        writer.uint(self.parameters.phi, 8)
        writer.uint(self.parameters.max_quality, 8)
        writer.uint(self.parameters.proofs, 1)
        writer.uint(self.parameters.checked, 1)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        masks, key_id = reader.sized(), reader.fixed(KEY_ID_BYTES)
        phi, max_quality = reader.uint(8), reader.uint(8)
        return cls(masks, key_id, QualityParameters(phi, max_quality, reader.flag(), reader.flag()))


@dataclass(frozen=True)
class EncryptedQuality(ClientMessage):
    """Client to server, and on to the clients that help to decrypt: its quality.

    Attributes:
        ciphertext: the paper's (c_i1, c_i2), equation (17).
        knowledge: proof that the client made the ciphertext itself; empty where nobody checks.
    """

    TYPE: ClassVar[int] = MessageType.ENCRYPTED_QUALITY
    ciphertext: bytes
    knowledge: bytes = b""

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.sized(self.ciphertext)
        writer.sized(self.knowledge)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        head = reader.fixed(SESSION_ID_BYTES), reader.uint(4)
        return cls(*head, reader.sized(), reader.sized())


@dataclass(frozen=True)
class QualityUpload(Message):
    """Client to server: the paper's (i, y_i, c_i1, c_i2), both parts or nothing.

    Attributes:
        masked: the encoded upload of the masking protocol, which names session and client.
        quality: an encoded `EncryptedQuality`, likewise; signed if the session is.
        range_proof: proof that the quality lies in its range; empty in sessions without proofs.
    """

    TYPE: ClassVar[int] = MessageType.QUALITY_UPLOAD
    masked: bytes
    quality: bytes
    range_proof: bytes = b""

    def _write(self, writer: Writer) -> None:
        writer.sized(self.quality)
        writer.sized(self.range_proof)
        writer.sized(self.masked)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        quality, range_proof = reader.sized(), reader.sized()
        return cls(reader.sized(), quality, range_proof)


@dataclass(frozen=True)
class HelpRequest(SessionMessage):
    """Server to one client of P5: decrypt your part.

    Attributes:
        attempt: counts the sets P5 that were tried, from 0.
        base: the paper's c1^(delta_i), equation (20).
    """

    TYPE: ClassVar[int] = MessageType.HELP_REQUEST
    attempt: int
    base: bytes

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_attempt(self.attempt)

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.session_id, SESSION_ID_BYTES)
        writer.uint(self.attempt, 4)
        writer.sized(self.base)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        return cls(reader.fixed(SESSION_ID_BYTES), reader.uint(4), reader.sized())


@dataclass(frozen=True)
class CheckedHelpRequest(SessionMessage):
    """Server to each client of P5: see what is to be decrypted, and decrypt your part.

    Attributes:
        attempt: counts the sets P5 that were tried, from 0.
        helpers: the set P5.
        qualities: the signed `EncryptedQuality` of every survivor, as the survivor sent it.
    """

    TYPE: ClassVar[int] = MessageType.CHECKED_HELP_REQUEST
    attempt: int
    helpers: tuple[ClientId, ...]
    qualities: tuple[bytes, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_attempt(self.attempt)
        check_increasing(self.helpers)

    def _write(self, writer: Writer) -> None:
        writer.fixed(self.session_id, SESSION_ID_BYTES)
        writer.uint(self.attempt, 4)
        writer.ids(self.helpers)
        writer.uint(len(self.qualities), 4)
        for quality in self.qualities:
            writer.sized(quality)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        session_id, attempt = reader.fixed(SESSION_ID_BYTES), reader.uint(4)
        return cls(session_id, attempt, reader.ids(), reader.per_client(4, reader.sized))


@dataclass(frozen=True)
class PartialDecryption(ClientMessage):
    """Client to server: its part of the decryption.

    Attributes:
        attempt: of the request.
        value: the paper's lambda_i, equation (21).
        proof: proof that it is right; empty in sessions without proofs.
    """

    TYPE: ClassVar[int] = MessageType.PARTIAL_DECRYPTION
    attempt: int
    value: bytes
    proof: bytes = b""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_attempt(self.attempt)

    def _write(self, writer: Writer) -> None:
        self.write_head(writer)
        writer.uint(self.attempt, 4)
        writer.sized(self.value)
        writer.sized(self.proof)

    @classmethod
    def _read(cls, reader: Reader) -> Self:
        head = reader.fixed(SESSION_ID_BYTES), reader.uint(4)
        return cls(*head, reader.uint(4), reader.sized(), reader.sized())


def _check_attempt(attempt: int) -> None:
    if not 0 <= attempt <= MAX_ATTEMPT:
        raise ParameterError(f"attempt={attempt} must lie in 0..2^32-1")
