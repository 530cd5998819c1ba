"""One client in one verified session: it commits, uploads, and checks the sum."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from crypto.commitments.commitment import commit
from crypto.errors import ConsistencyError, blaming
from crypto.norm_proofs.prover import prove_norm
from crypto.parties import SERVER, ClientId
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.masking.stages import Stage as MaskStage
from crypto.protocols.verified_sum.messages import (
    CommitmentRequest,
    CommittedVector,
    ProvenVector,
    SumReceipt,
    UploadRequest,
    VerifiedInvitation,
)
from crypto.protocols.verified_sum.stages import Stage
from crypto.protocols.verified_sum.terms import Input, Terms
from crypto.protocols.verified_sum.verification import (
    Registry,
    check_published,
    commitment_digest,
    proof_context,
    published_digest,
    read_published,
)
from crypto.randomness import SYSTEM, Randomness
from crypto.session.client_session import ClientSession, Over, Part


@dataclass(frozen=True)
class Joined:
    """Nothing is committed to yet."""


@dataclass(frozen=True)
class Committed:
    """The vector is committed to, and what opens that is at hand."""

    digest: bytes
    secret: NDArray[np.int64] = field(repr=False)


@dataclass(frozen=True)
class Uploaded:
    """The vector is gone; who had committed to what before is known."""

    digests: Mapping[ClientId, bytes]


State: TypeAlias = Joined | Committed | Uploaded


class InnerPart(Part[Any], Protocol):
    """One client in one session of the protocol that sums."""

    @property
    def agreed(self) -> tuple[ClientId, ...] | None:
        """The survivors that the clients agreed on; None before, or if they agree on nothing."""
        ...


class VerifyingClientSession(ClientSession[State]):
    """One client in one session; made by `VerifyingClient.join`."""

    def __init__(
        self,
        client_id: ClientId,
        invitation: VerifiedInvitation,
        terms: Terms,
        inner: InnerPart,
        *,
        identity: SigningIdentity,
        registry: Registry,
        randomness: Randomness = SYSTEM,
    ) -> None:
        num_clients = len(terms.cohort)
        super().__init__(client_id, invitation.session_id(), Joined(), num_clients, identity)
        self._invitation = invitation
        self._terms = terms
        self._inner = inner
        self._registry = registry
        self._randomness = randomness

    def commit(self, data: bytes, given: Input) -> bytes:
        """Commitment: commit to the vector, and sign that, before any of it leaves.

        Args:
            data: a `CommitmentRequest`.
            given: what will be uploaded.

        Returns:
            A `CommittedVector`, or a `ProvenVector` where norms have a bound.

        Raises:
            ParameterError: for a vector that does not fit; the step can be repeated.
            WrongTimeError, MalformedMessageError, ForeignMessageError: as all steps.
        """
        integers = self._terms.integers(given)
        self._take(Joined, CommitmentRequest, data)
        made, opening = commit(integers, self._terms.parameters, self._randomness)
        answer = self._answer(CommittedVector, made.to_bytes())
        self._state = Committed(commitment_digest(answer), opening.secret)
        if self._terms.norm is None:
            return answer
        context = proof_context(self.session_id, self.client_id)
        proof = prove_norm(integers, opening, made, self._terms.norm, context, self._randomness)
        return self._answer(ProvenVector, answer, proof.to_bytes(self._terms.norm))

    def upload(self, data: bytes, given: Input) -> bytes:
        """Masked input: upload the vector, and what opens the commitment, under all masks.

        Args:
            data: an `UploadRequest`.
            given: what was committed to.

        Returns:
            What the protocol that sums answers.

        Raises:
            ConsistencyError: naming the server, if it lists another commitment of this client, or
                one of a stranger.
            Others as the protocol's upload.
        """
        committed, request = self._take(Committed, UploadRequest, data)
        listed = dict(request.commitments)
        if listed.get(self.client_id) != committed.digest:
            raise ConsistencyError("another commitment of this client than it made", SERVER)
        if not listed.keys() <= {*self._terms.cohort}:
            raise ConsistencyError("commitments of clients that were never invited", SERVER)
        uploaded = self._terms.with_secret(given, committed.secret)
        answer = self._inner.step(MaskStage.MASKED_INPUT, request.inner, uploaded)
        self._state = Uploaded(listed)
        return answer

    def verify(self, data: bytes) -> bytes:
        """Verification: check the published sum.

        Args:
            data: a signed `PublishedSum`.

        Returns:
            A `SumReceipt`.

        Raises:
            ConsistencyError: naming the server, if this client is not in the sum, if others are
                than were agreed on, or a commitment is not the one listed before the upload.
            OpeningError: naming nobody, if it is not the sum of the vectors committed to.
            Others as `read_published` and `check_published`.
        """
        with blaming(SERVER):
            uploaded = self._at(Uploaded)
        published = read_published(data, self._invitation, self._terms)
        self._state = Over()
        total = check_published(published, self._terms, self._registry)
        if self.client_id not in total.survivors:
            raise ConsistencyError("this client uploaded, and is not in the sum", SERVER)
        agreed = self._inner.agreed
        if agreed is not None and agreed != total.survivors:
            raise ConsistencyError("a sum over others than the survivors agreed on", SERVER)
        for client, digest in total.digests.items():
            if uploaded.digests.get(client) != digest:
                raise ConsistencyError(
                    f"another commitment of client {client} than was listed before the upload",
                    SERVER,
                )
        return self._answer(SumReceipt, published_digest(data))

    def step(self, stage: str, data: bytes, given: Input) -> bytes:
        """Take the step of a stage after the first: one of the methods above, or the protocol's."""
        match stage:
            case Stage.COMMITMENT:
                return self.commit(data, given)
            case MaskStage.MASKED_INPUT:
                return self.upload(data, given)
            case Stage.VERIFICATION:
                return self.verify(data)
        return self._inner.step(stage, data, given)
