"""The messages of verified sums beside those of the protocol, in the order of sending."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, ClassVar, TypeAlias

from crypto.codec import ByClient, Message, PerClient, Several
from crypto.codings import Digest, Fixed, Sized, Uint32, Uint64
from crypto.errors import ParameterError
from crypto.session.messages import ClientMessage, OpeningMessage, SessionMessage

VERIFY_KEY_BYTES = 32

EncodedVerifyKey: TypeAlias = Annotated[bytes, Fixed(VERIFY_KEY_BYTES)]


class MessageType(IntEnum):
    """Type numbers on the wire: 120 to 127 are this protocol's."""

    VERIFIED_INVITATION = 120
    COMMITMENT_REQUEST = 121
    COMMITTED_VECTOR = 122
    UPLOAD_REQUEST = 123
    PUBLISHED_SUM = 124
    SUM_RECEIPT = 125
    TRANSCRIPT = 126
    PROVEN_VECTOR = 127


@dataclass(frozen=True)
class VerifiedInvitation(OpeningMessage):
    """Server to client: take part in this session, whose sum will be shown to be right.

    Attributes:
        inner: the encoded invitation of the protocol that sums.
        length: m, the integers of a vector, without what opens its commitment.
        server_key: what the server signs the sum with. Clients sign it with their commitments, as
            they do all of the invitation.
        bounded: how many integers at the end of a vector have a bounded norm; 0: none.
        bound: the bound on that norm, or with qualities for each 1 of quality.
    """

    TYPE: ClassVar[int] = MessageType.VERIFIED_INVITATION
    SESSION: ClassVar[str] = "verified sum/session"
    inner: Sized
    length: Uint32
    server_key: EncodedVerifyKey
    bounded: Uint32 = 0
    bound: Uint64 = 0

    def _check(self) -> None:
        if (self.bounded == 0) != (self.bound == 0):
            raise ParameterError(f"a norm of {self.bounded} integers up to {self.bound}")


@dataclass(frozen=True)
class CommitmentRequest(SessionMessage):
    """Server to client: commit to your vector."""

    TYPE: ClassVar[int] = MessageType.COMMITMENT_REQUEST


@dataclass(frozen=True)
class CommittedVector(ClientMessage):
    """Client to server, and on to all: what its vector is; always signed.

    Attributes:
        commitment: `Commitment.to_bytes`.
    """

    TYPE: ClassVar[int] = MessageType.COMMITTED_VECTOR
    commitment: Sized


@dataclass(frozen=True)
class ProvenVector(ClientMessage):
    """Client to server: what its vector is, and that its norm is within the bound.

    Attributes:
        committed: the client's signed `CommittedVector`, which goes on to all.
        proof: `NormProof.to_bytes`.
    """

    TYPE: ClassVar[int] = MessageType.PROVEN_VECTOR
    committed: Sized
    proof: Sized


@dataclass(frozen=True)
class UploadRequest(SessionMessage):
    """Server to client: who has committed to what; upload your vector.

    Attributes:
        commitments: client -> digest of its signed `CommittedVector`.
        inner: what the protocol that sums sends for the upload.
    """

    TYPE: ClassVar[int] = MessageType.UPLOAD_REQUEST
    commitments: ByClient[Digest]
    inner: Sized


@dataclass(frozen=True)
class PublishedSum(SessionMessage):
    """Server to all: the sum, and what it opens; signed by the server.

    Attributes:
        commitments: the signed `CommittedVector` of each survivor, in increasing order of them.
        total: the sum of their vectors, packed.
        secret: the sum of what opens their commitments, packed likewise.
        extra: further sums, such as that of qualities.
    """

    TYPE: ClassVar[int] = MessageType.PUBLISHED_SUM
    commitments: PerClient[Sized]
    total: Sized
    secret: Sized
    extra: Several[Uint64]


@dataclass(frozen=True)
class SumReceipt(ClientMessage):
    """Client to server: the published sum is right; signed.

    Attributes:
        published: digest of the signed `PublishedSum`.
    """

    TYPE: ClassVar[int] = MessageType.SUM_RECEIPT
    published: Digest


@dataclass(frozen=True)
class Transcript(Message):
    """What shows to anybody, also later, whether a sum is right.

    Attributes:
        invitation: the encoded `VerifiedInvitation`.
        published: the signed `PublishedSum`.
        proofs: of the norm, one for each commitment in it; none where norms have no bound.
    """

    TYPE: ClassVar[int] = MessageType.TRANSCRIPT
    invitation: Sized
    published: Sized
    proofs: PerClient[Sized] = ()
