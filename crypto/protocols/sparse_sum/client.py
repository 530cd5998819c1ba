"""The client of sparse sums: across sessions, and in one."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from crypto.encoding.residues import IntegerVector, check_vector
from crypto.protocols.homomorphic_sum.client import KeyedClient, KeyedClientSession
from crypto.protocols.homomorphic_sum.messages import UploadRequest
from crypto.protocols.sparse_sum.limbs import to_limbs, value_plan
from crypto.protocols.sparse_sum.messages import SparseInvitation, SparseUpload, write_places
from crypto.randomness import Randomness
from crypto.session.opened_rounds import Opening
from crypto.vector_schemes.scheme import PublicVectorKey, VectorPlan


@dataclass(frozen=True)
class Joined:
    """What a client needs to upload."""

    key: PublicVectorKey
    plan: VectorPlan
    length: int
    modulus_bits: int
    opening: Opening
    randomness: Randomness = field(repr=False)


class SparseClientSession(KeyedClientSession[Joined]):
    """One client in one session; made by `SparseClient.join`. It uploads once."""

    def step(self, stage: str, data: bytes, given: IntegerVector) -> bytes:  # noqa: ARG002
        """Take the only step after the first: upload."""
        return self.upload(data, given)

    def upload(self, data: bytes, vector: IntegerVector) -> bytes:
        """Upload: positions in the clear, each distinct value encrypted.

        Args:
            data: an `UploadRequest`.
            vector: shape (m,), integers of 32 or 64 bits, values -2^(k-1) to 2^k - 1.

        Returns:
            A `SparseUpload`.

        Raises:
            ParameterError: for a vector that does not fit; the step can be repeated.
            OpenedRoundError: if this client has uploaded in another session of the same round.
            WrongTimeError, MalformedMessageError, ForeignMessageError: as all steps.
        """
        start = self._at(Joined)
        check_vector(vector, start.length, start.modulus_bits)
        start.opening.check()
        state, _ = self._take(Joined, UploadRequest, data)
        state.opening.take()
        residues = vector.astype(np.uint64) & np.uint64((1 << state.modulus_bits) - 1)
        positions = np.flatnonzero(residues).astype(np.int64)
        values, indices = _distinct(residues[positions])
        encrypted = tuple(
            state.key.encrypt(to_limbs(int(value), state.plan), state.plan, state.randomness)
            for value in values
        )
        places = write_places(positions, indices, len(values), state.length)
        return self._answer(SparseUpload, places, encrypted)


class SparseClient(KeyedClient[SparseInvitation, SparseClientSession]):
    """A client that encrypts the distinct values of its vectors."""

    INVITATION = SparseInvitation

    def _begin(
        self, invitation: SparseInvitation, key: PublicVectorKey, opening: Opening
    ) -> SparseClientSession:
        plan = value_plan(key, invitation.value_bits, len(invitation.cohort))
        start = Joined(
            key,
            plan,
            invitation.length,
            invitation.value_bits,
            opening,
            self._randomness,
        )
        session_id = invitation.session_id()
        return SparseClientSession(self.client_id, session_id, start, identity=self.identity)


def _distinct(values: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the distinct values in the order of first appearance, and which stands where."""
    distinct, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return distinct[order], rank[inverse.reshape(-1)]
