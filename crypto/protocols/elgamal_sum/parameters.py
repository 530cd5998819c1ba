"""The public parameters of a session, and what a client insists on before it joins one."""

from dataclasses import dataclass
from typing import Annotated, Final

from crypto.codec import Record
from crypto.codings import Flag, Uint32, Unsigned
from crypto.errors import PolicyError
from crypto.parties import SERVER
from crypto.session.thresholds import MIN_CLIENTS, check_cohort, check_threshold

MAX_VALUE: Final = 2**32 - 1


@dataclass(frozen=True)
class ElGamalParameters(Record):
    """What the server announces.

    Attributes:
        length: m, coordinates of a vector, 0 to 2^32 - 1.
        max_value: the largest value of a coordinate, 1 to 2^32 - 1: a sum is found by a
            discrete logarithm, whose cost grows with its square root.
        threshold: e, fewest clients in a sum, and fewest that decrypt it; at least 3, as the sum of
            two gives one's value to the other.
        proofs: whether values come with range proofs and partial decryptions with theirs.
        signed: whether clients sign their messages. Off only to reproduce a setting in which all
            parties follow the protocol.

    Raises:
        ParameterError: for values out of range.
    """

    length: Uint32
    max_value: Annotated[int, Unsigned(4, 1, MAX_VALUE)]
    threshold: Annotated[int, Unsigned(4, least=MIN_CLIENTS)]
    proofs: Flag = True
    signed: Flag = True


@dataclass(frozen=True)
class ElGamalPolicy:
    """The least that a client accepts: its own defence against a server that announces less.

    Attributes:
        signatures_required: whether sessions without signatures, and authorities that do not
            sign, are refused.
        threshold: the least that is agreed to; None for the default of `plan_threshold`.
        least_cohort: fewest clients of a session; None for more than half of those registered.
    """

    signatures_required: bool = True
    threshold: int | None = None
    least_cohort: int | None = None

    def check(
        self,
        num_clients: int,
        num_holders: int,
        announced: ElGamalParameters,
        num_registered: int = 0,
    ) -> None:
        """Refuse a session that is weaker than this policy; run by the client on an invitation.

        The threshold is held against all who have a share of the system key, not against the
        cohort: holders outside of it can help to decrypt whatever the server shows them.

        Args:
            num_clients: size of the cohort.
            num_holders: clients that have a share of the system key.
            announced: what the server announces.
            num_registered: clients whose verify keys this client knows.

        Raises:
            PolicyError: naming the server.
        """
        if self.signatures_required and not announced.signed:
            raise PolicyError("a session without signatures", SERVER)
        check_cohort(num_clients, num_registered, self.least_cohort)
        check_threshold(num_holders, announced.threshold, self.threshold, signed=announced.signed)
