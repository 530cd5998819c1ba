"""The server of verified sums: the protocol's server, and who has committed to what."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from crypto.commitments.commitment import Commitment
from crypto.encoding.bit_packing import pack
from crypto.errors import ConsistencyError, WrongTimeError, blaming
from crypto.norm_proofs.parameters import NormBound
from crypto.parties import ClientId
from crypto.primitives.prg import word_dtype
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.masking.stages import Stage as MaskStage
from crypto.protocols.verified_sum.messages import (
    CommitmentRequest,
    CommittedVector,
    ProvenVector,
    PublishedSum,
    SumReceipt,
    Transcript,
    UploadRequest,
    VerifiedInvitation,
)
from crypto.protocols.verified_sum.stages import Stage
from crypto.protocols.verified_sum.terms import read_terms
from crypto.protocols.verified_sum.verification import (
    PUBLISHED,
    Registry,
    check_proof,
    check_published,
    commitment_digest,
    published_digest,
    read_committed,
    read_published,
)
from crypto.session.admission import Doorkeeper, Kinds
from crypto.session.exchange import Opening
from crypto.wire import message_type


class InnerServer(Protocol):
    """The server of the protocol that sums."""

    def openings(self) -> Iterable[tuple[str, Opening]]:
        """Return what opens each stage, in their order."""
        ...

    def receive(self, sender: ClientId, data: bytes) -> None:
        """Take a client's message for the present stage."""
        ...


class VerifyingServer:
    """The server's part in one session.

    Args:
        inner: the server of the protocol that sums, of vectors with what opens them behind.
        inner_invitation: what that one announces, encoded.
        length: m, the integers of a vector.
        identity: signs the sum.
        registry: the verify keys of the clients.
        norm: a bound on the norm of the vectors' ends; None if there is none.

    Raises:
        ParameterError: if there are no commitments for such sums.
        ConsistencyError: if `inner` sums vectors of another length.

    Attributes:
        inner: as given.
        invitation: what it announces.
        session_id: the session.
        terms: what the invitation says.
    """

    def __init__(
        self,
        inner: InnerServer,
        inner_invitation: bytes,
        length: int,
        *,
        identity: SigningIdentity,
        registry: Registry,
        norm: NormBound | None = None,
    ) -> None:
        self.inner = inner
        bounded = (0, 0) if norm is None else (norm.length, norm.largest)
        self.invitation = VerifiedInvitation(
            inner_invitation, length, identity.verify_key.data, *bounded
        )
        self.session_id = self.invitation.session_id()
        self.terms = read_terms(self.invitation)
        self._identity = identity
        self._registry = registry
        committed = CommittedVector if norm is None else ProvenVector
        kinds: Kinds = {Stage.COMMITMENT: committed, Stage.VERIFICATION: SumReceipt}
        self._types = {int(kind.TYPE) for kind in kinds.values()}
        minimum = self.terms.min_survivors
        self._door = Doorkeeper(self.session_id, kinds, minimum, registry)
        self._commitments: dict[ClientId, bytes] = {}
        self._proofs: dict[ClientId, bytes] = {}
        self._survivors: tuple[ClientId, ...] = ()
        self._committed: frozenset[ClientId] | None = None
        self._requests: Mapping[ClientId, bytes] = {}
        self._published = self._digest = b""

    def openings(self) -> Iterable[tuple[str, Opening]]:
        """Return what opens each stage up to the sum, in their order."""
        for number, (stage, opening) in enumerate(self.inner.openings()):
            if number == 0:
                yield stage, partial(self._invite, opening)
            elif stage == MaskStage.MASKED_INPUT:
                yield Stage.COMMITMENT.value, partial(self.request_commitments, opening)
                yield stage, self.request_uploads
            else:
                yield stage, opening

    def request_commitments(self, opening: Opening) -> dict[ClientId, bytes]:
        """Ask every client that is still there to commit to its vector.

        Args:
            opening: opens the protocol's upload, for which commitments come first.

        Raises:
            As `opening`.
        """
        self._requests = opening()
        self._committed = frozenset()
        self._door.open(Stage.COMMITMENT, frozenset(self._requests))
        return dict.fromkeys(sorted(self._requests), CommitmentRequest(self.session_id).to_bytes())

    def request_uploads(self) -> dict[ClientId, bytes]:
        """Close the commitments; tell every client that made one of all, and ask for its upload.

        Raises:
            ThresholdError: if too few clients committed.
        """
        self._committed = self._door.close(Stage.COMMITMENT)
        digests = tuple((c, commitment_digest(d)) for c, d in sorted(self._commitments.items()))
        return {
            client: UploadRequest(self.session_id, digests, data).to_bytes()
            for client, data in self._requests.items()
            if client in self._committed
        }

    def receive(self, sender: ClientId, data: bytes) -> None:
        """Take a client's message for the present stage.

        Args:
            sender: the client, as the transport knows it.
            data: a `CommittedVector` or `ProvenVector`, a `SumReceipt`, or a message of the
                protocol.

        Raises:
            MalformedMessageError: if `data` is no message of a client.
            WrongTimeError: also for one of a client that has not committed, once it was asked to.
            ConsistencyError: for a receipt of another sum.
            ProofError: for a norm that is not shown to be within the bound.
            Others as `StagedServer.receive`.

        Guarantees: a refused message changes nothing; every error names `sender`.
        """
        with blaming(sender):
            if message_type(data) in self._types:
                self._receive_own(sender, data)
                return
            if self._committed is not None and sender not in self._committed:
                raise WrongTimeError("a client that has not committed to its vector")
            self.inner.receive(sender, data)

    def publish(
        self,
        total: NDArray[np.uint64],
        survivors: Sequence[ClientId],
        extra: Sequence[int] = (),
    ) -> dict[ClientId, bytes]:
        """Publish the sum, after it was found right; return what every survivor is sent.

        Args:
            total: shape (m + N,), what the protocol summed.
            survivors: whose vectors it is the sum of.
            extra: the other sums.

        Raises:
            OpeningError: naming nobody, if a survivor uploaded something else than it committed to.
        """
        bits, length = self.terms.modulus_bits, self.terms.length
        words = total.astype(word_dtype(bits))
        published = PublishedSum(
            self.session_id,
            tuple(self._commitments[client] for client in sorted(survivors)),
            pack(words[:length], bits),
            pack(words[length:], bits),
            tuple(extra),
        ).to_bytes()
        data = published + self._identity.sign(PUBLISHED, published)
        check_published(
            read_published(data, self.invitation, self.terms), self.terms, self._registry
        )
        self._published, self._digest = data, published_digest(data)
        self._survivors = tuple(sorted(survivors))
        self._door.open(Stage.VERIFICATION, frozenset(survivors))
        return dict.fromkeys(sorted(survivors), data)

    @property
    def receipts(self) -> frozenset[ClientId]:
        """The clients that have found the published sum right."""
        return self._door.answered

    @property
    def transcript(self) -> bytes:
        """What shows anybody that the sum is right: a `Transcript`."""
        proofs = tuple(self._proofs[client] for client in self._survivors if self._proofs)
        return Transcript(self.invitation.to_bytes(), self._published, proofs).to_bytes()

    def _invite(self, opening: Opening) -> dict[ClientId, bytes]:
        return dict.fromkeys(opening(), self.invitation.to_bytes())

    def _receive_own(self, sender: ClientId, data: bytes) -> None:
        message, _ = self._door.admit(sender, data)
        match message:
            case CommittedVector():
                Commitment.from_bytes(message.commitment, self.terms.parameters)
                self._commitments[sender] = data
            case ProvenVector():
                self._check_proven(sender, message)
                self._commitments[sender] = message.committed
                self._proofs[sender] = message.proof
            case SumReceipt():
                if message.published != self._digest:
                    raise ConsistencyError("a receipt of another sum")
        self._door.accept(sender)

    def _check_proven(self, sender: ClientId, message: ProvenVector) -> None:
        norm = self.terms.norm
        if norm is None:
            raise ConsistencyError("a proof of a norm, in a session that bounds none")
        committed = read_committed(message.committed, self.session_id, self.terms, self._registry)
        if committed.sender != sender:
            raise ConsistencyError(f"a commitment of client {committed.sender} as its own")
        check_proof(message.proof, committed, norm)
