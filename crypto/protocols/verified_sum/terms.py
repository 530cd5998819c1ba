"""What a session's invitation says of its commitments, and what of a client's input they hold."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from crypto.commitments.parameters import CommitmentParameters
from crypto.encoding.residues import IntegerVector, centred
from crypto.errors import CapacityError, ConsistencyError, MalformedMessageError, ParameterError
from crypto.norm_proofs.parameters import NormBound, NormParameters
from crypto.norm_proofs.prover import check_norm
from crypto.parties import ClientId
from crypto.protocols.masking.messages import Invitation
from crypto.protocols.pairwise_masking.messages import PairwiseInvitation
from crypto.protocols.quality_sum.messages import QualityInvitation
from crypto.protocols.quality_sum.parameters import Contribution
from crypto.protocols.verified_sum.messages import VerifiedInvitation
from crypto.wire import message_type

Input: TypeAlias = IntegerVector | Contribution
"""What a client gives: a vector, or a vector and a quality."""

_MASKING: Final[dict[int, type[Invitation]]] = {
    int(kind.TYPE): kind for kind in (Invitation, PairwiseInvitation)
}


@dataclass(frozen=True)
class Terms:
    """What is summed, and committed to, in a session.

    Clients commit to integers, and masks add residues modulo 2^k. Both have the same sum if no sum
    of integers can leave -2^(k-1)..2^(k-1)-1: `share` is the range that this leaves each client.

    Attributes:
        cohort: the clients asked.
        length: m, the integers of a vector.
        modulus_bits: k.
        min_survivors: fewest clients in a sum.
        extra_largest: the largest sums of what is committed to beside the vector: of qualities.
        norm_bound: on the norm of the vector's end; None if there is none.
    """

    cohort: tuple[ClientId, ...]
    length: int
    modulus_bits: int
    min_survivors: int = 1
    extra_largest: tuple[int, ...] = ()
    norm_bound: NormBound | None = None

    @cached_property
    def parameters(self) -> CommitmentParameters:
        """Of the commitments.

        Raises:
            CapacityError: if there are none, or k bits do not hold what opens the sum.
        """
        length = self.length + len(self.extra_largest)
        clients = len(self.cohort)
        if self.norm is not None:
            found = self.norm.commitment
        else:
            found = CommitmentParameters.choose(length, self.largest, clients, self.extra_largest)
        needed = least_modulus_bits(clients)
        if self.modulus_bits < needed:
            raise CapacityError(
                f"a verified sum over {clients} clients needs a modulus of {needed} bits or more, "
                f"not of {self.modulus_bits}: what opens it is summed as well"
            )
        return found

    @cached_property
    def norm(self) -> NormParameters | None:
        """Of the proofs of norms; None if these have no bound.

        Raises:
            ParameterError: if the bound is of more integers than there are.
            CapacityError: if there are no such proofs.
        """
        if self.norm_bound is None:
            return None
        clients, extra = len(self.cohort), self.extra_largest
        return NormParameters.choose(
            self.length + len(extra),
            self.largest,
            clients,
            bounded=self.norm_bound.length,
            bound=self.norm_bound.largest,
            quality_largest=extra[0] // clients if extra else None,
        )

    @property
    def largest(self) -> int:
        """The largest magnitude of an integer in a sum."""
        return 1 << (self.modulus_bits - 1)

    @property
    def share(self) -> tuple[int, int]:
        """The least and the largest integer that one client may add."""
        clients = len(self.cohort)
        return -(self.largest // clients), (self.largest - 1) // clients

    @property
    def padded_length(self) -> int:
        """Coordinates of what is masked: the vector's, and those of what opens it."""
        return self.length + self.parameters.level.degree

    def integers(self, given: Input) -> NDArray[np.int64]:
        """Return what a client commits to.

        Args:
            given: vector, and quality if there is one.

        Raises:
            ParameterError: if the vector has another length, sums of as large ones could wrap, or
                its norm is beyond the bound.
        """
        vector, extra = _parts(given)
        if vector.shape != (self.length,):
            raise ParameterError(f"a vector must have shape ({self.length},), not {vector.shape}")
        integers = self.as_integers(vector)
        least, most = self.share
        if self.length and not least <= int(integers.min()) <= int(integers.max()) <= most:
            beyond = int(np.count_nonzero((integers < least) | (integers > most)))
            raise ParameterError(
                f"{beyond} of {self.length} values lie outside {least}..{most}, the range in which "
                f"the sum over {len(self.cohort)} clients cannot wrap modulo "
                f"2^{self.modulus_bits}, so that it can be verified: use more bits"
            )
        whole: NDArray[np.int64] = np.concatenate([integers, np.array(extra, np.int64)])
        if self.norm is not None:
            check_norm(whole, self.norm)
        return whole

    def as_integers(self, residues: IntegerVector) -> NDArray[np.int64]:
        """Return the integers nearest to 0 that residues stand for."""
        return centred(residues.astype(np.uint64, copy=False), self.modulus_bits)

    def with_secret(self, given: Input, secret: NDArray[np.int64]) -> Input:
        """Return what a client uploads: its input, with what opens the commitment behind it."""
        vector, _ = _parts(given)
        if vector.dtype == np.uint64:
            mask = np.uint64((1 << self.modulus_bits) - 1)
            extended: IntegerVector = np.concatenate([vector, secret.astype(np.uint64) & mask])
        else:
            extended = np.concatenate([vector, secret])
        return replace(given, vector=extended) if isinstance(given, Contribution) else extended


def least_modulus_bits(num_clients: int) -> int:
    """Return the smallest k of a verified sum, which also holds the sum of what opens it."""
    return CommitmentParameters.choose(0, 0, num_clients).largest_hiding.bit_length() + 1


def read_terms(invitation: VerifiedInvitation) -> Terms:
    """Return what an invitation says.

    Raises:
        MalformedMessageError: if it holds no invitation of a protocol that can be verified.
        ConsistencyError: if the protocol's vectors are not as long as commitments make them.
        CapacityError: if there are no commitments for such sums.
    """
    inner, extra_largest = invitation.inner, tuple[int, ...]()
    if message_type(inner) == QualityInvitation.TYPE:
        joint = QualityInvitation.from_bytes(inner)
        inner, extra_largest = joint.masks, (joint.parameters.max_quality,)
    kind = _MASKING.get(message_type(inner))
    if kind is None:
        raise MalformedMessageError("no invitation to a sum that can be verified")
    masking = kind.from_bytes(inner)
    shape, num_clients = masking.parameters, len(masking.cohort)
    bound = NormBound(invitation.bounded, invitation.bound) if invitation.bounded else None
    terms = Terms(
        masking.cohort,
        invitation.length,
        shape.modulus_bits,
        shape.min_survivors,
        tuple(num_clients * largest for largest in extra_largest),
        bound,
    )
    if terms.padded_length != shape.length:
        raise ConsistencyError(
            f"vectors of {shape.length} coordinates, and with commitments {terms.padded_length}"
        )
    return terms


def _parts(given: Input) -> tuple[IntegerVector, tuple[int, ...]]:
    if isinstance(given, Contribution):
        return given.vector, (given.quality,)
    return given, ()
