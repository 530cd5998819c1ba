"""What every protocol offers: the clients' vectors go in, the sum over the survivors comes out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from crypto.encoding.residues import IntegerVector
from crypto.errors import AbortError, ProtocolError
from crypto.parties import ClientId, Party, describe
from crypto.session.costs import Costs
from crypto.session.faults import Fault


@dataclass(frozen=True)
class Refusal:
    """A message that a role did not accept.

    Attributes:
        stage: when.
        by: who refused.
        error: why, and who is to blame.
    """

    stage: str
    by: Party
    error: ProtocolError | AbortError

    def __str__(self) -> str:
        return f"{self.stage}: {describe(self.by)} refused: {self.error}"


@dataclass(frozen=True)
class Verification:
    """Who checked a sum, and what anybody can check it by.

    Attributes:
        receipts: the survivors that found it right, and signed that.
        transcript: see `crypto.protocols.verified_sum.verification.check_transcript`.
    """

    receipts: tuple[ClientId, ...]
    transcript: bytes = field(repr=False)


@dataclass(frozen=True)
class SumResult:
    """A secure sum.

    Attributes:
        sum: shape (m,), uint64, 0 to 2^k - 1: the sum of the survivors' vectors modulo 2^k.
        survivors: the clients that are in the sum, in increasing order.
        costs: what the session cost.
        refusals: messages that roles did not accept; none if all went well.
        lone_share: of the coordinates that any client changed, the share that one client alone
            did, whose value there the server so knows; 0 in protocols that hide positions.
        verification: who checked the sum; None in protocols whose sums clients cannot check.
    """

    sum: NDArray[np.uint64]
    survivors: tuple[ClientId, ...]
    costs: Costs
    refusals: tuple[Refusal, ...] = ()
    lone_share: float = 0.0
    verification: Verification | None = None


class SessionAbortedError(AbortError):
    """A session ended without a sum.

    Attributes:
        stage: the stage that could not be finished.
        reason: what could not be done, and whose fault that is.
        costs: what the session cost until then.
        refusals: the messages that roles did not accept.
        may_be_opened: whether the server may hold what opens the sum: it had asked for it. Then
            the round must not be run again with other clients, since the difference of the two
            sums would be single clients' updates.
    """

    def __init__(
        self,
        stage: str,
        reason: ProtocolError | AbortError,
        costs: Costs,
        refusals: tuple[Refusal, ...],
        *,
        may_be_opened: bool = False,
    ) -> None:
        super().__init__(f"aborted in stage '{stage}': {reason}")
        self.stage = stage
        self.reason = reason
        self.culprit = reason.culprit
        self.costs = costs
        self.refusals = refusals
        self.may_be_opened = may_be_opened


class SecureSum(ABC):
    """A protocol that sums vectors over Z_{2^k} so that the server learns the sum alone.

    Attributes:
        stages: names of its stages in their order, for plans of dropouts and faults.
        opens_at: the first stage in which clients give what opens the sum. A session that ends
            before can be run again for the same round, in any cohort; later ones cannot.
        centred: whether clients' numbers are integers around 0, of which so many cannot leave
            -2^(k-1)..2^(k-1)-1, and not any residues.
        norm_bound: the largest norm of updates that it lets pass; None if it proves none.
    """

    stages: tuple[str, ...]
    opens_at: str
    centred: ClassVar[bool] = False
    norm_bound: int | None = None

    def least_bits(self, num_clients: int) -> int:  # noqa: ARG002
        """Return the smallest k that it takes, for sums over so many clients."""
        return 1

    @abstractmethod
    def sum(
        self,
        vectors: Mapping[ClientId, IntegerVector],
        modulus_bits: int,
        *,
        round_id: int,
        dropouts: Mapping[ClientId, str] | None = None,
        faults: Sequence[Fault] = (),
        binding: bytes = b"",
    ) -> SumResult:
        """Run one session.

        Args:
            vectors: for every client of the cohort, also those that will drop out, a vector of
                shape (m,), integers of 32 or 64 bits, values -2^(k-1) to 2^k - 1.
            modulus_bits: k, 1 to 62.
            round_id: the training round, 0 to 2^64 - 1, whose updates are summed. One sum of it
                is opened: sessions share it until one has come to `opens_at`.
            dropouts: client -> the stage in which it no longer answers.
            faults: what happens to single messages.
            binding: digest, 32 bytes, of what the server gave all clients before, such as the
                model that they train; each client compares it with its own. Clients that were
                given different things so never add up. Empty: the session is bound to nothing.

        Returns:
            The sum over the clients whose upload arrived.

        Raises:
            ParameterError: for too few clients, an impossible k, vectors that do not fit, a round
                whose sum was opened, or may have been, or a client's vector, not zero everywhere,
                that it gave in the last session that was aborted when it may have been opened.
            SessionAbortedError: if too few clients are left, or shares were false.
        """


class IntegerSum(SecureSum):
    """A protocol whose native sums are those over the integers, which it can reduce.

    Protocols that mask add residues, and reveal nothing else. Protocols that encrypt add integers:
    values that are encoded as small numbers make shorter sums than residues do, and tell less.
    """

    @abstractmethod
    def sum_integers(
        self,
        vectors: Mapping[ClientId, IntegerVector],
        value_bits: int,
        *,
        round_id: int,
        dropouts: Mapping[ClientId, str] | None = None,
        faults: Sequence[Fault] = (),
        binding: bytes = b"",
    ) -> SumResult:
        """Run one session over the integers.

        Args:
            vectors: as in `sum`, with values 0 to 2^value_bits - 1.
            value_bits: 1 to 62; the sum over the cohort must have at most 62 bits.
            round_id: as in `sum`.
            dropouts: as there.
            faults: as there.
            binding: as there.

        Returns:
            The sum over the clients whose upload arrived, not reduced.

        Raises:
            ParameterError: for too few clients, vectors that do not fit, or sums beyond what the
                protocol can hold.
            SessionAbortedError: as `sum`.
        """
