"""The public parameters of a session, and what a client insists on before it joins one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np

from crypto.codec import Record
from crypto.codings import Flag, Uint32, Unsigned
from crypto.encoding.residues import IntegerVector, check_vector
from crypto.errors import ParameterError, PolicyError
from crypto.parties import SERVER, ClientId
from crypto.primitives.prg import MAX_MODULUS_BITS
from crypto.protocols.masking.topology import CompleteGraph, Plan, Topology
from crypto.session.thresholds import check_reachable, count_colluders


@dataclass(frozen=True)
class MaskingParameters(Record):
    """What the server announces.

    Attributes:
        length: m, coordinates of a vector, 0 to 2^32 - 1.
        modulus_bits: k, 1 to 62.
        degree: neighbours of a client.
        threshold: fewest holders that reconstruct a secret, of degree + 1.
        min_survivors: fewest clients in a sum.
        signed: whether messages are signed and the set of survivors is agreed upon. Off only to
            reproduce a setting in which all parties follow the protocol.

    Raises:
        ParameterError: for values out of range.
    """

    length: Uint32
    modulus_bits: Annotated[int, Unsigned(1, 1, MAX_MODULUS_BITS)]
    degree: Uint32
    threshold: Uint32
    min_survivors: Annotated[int, Unsigned(4, least=1)]
    signed: Flag = True

    def _check(self) -> None:
        check_reachable(self.threshold, self.degree + 1)

    @classmethod
    def plan(
        cls,
        num_clients: int,
        length: int,
        modulus_bits: int,
        topology: Topology | None = None,
        signed: bool = True,
    ) -> "MaskingParameters":
        """Return the parameters that a topology plans for a number of clients."""
        plan = (topology or CompleteGraph()).plan(num_clients, signed=signed)
        return cls(length, modulus_bits, plan.degree, plan.threshold, plan.min_survivors, signed)

    @classmethod
    def plan_for(
        cls,
        vectors: Mapping[ClientId, IntegerVector],
        modulus_bits: int,
        topology: Topology,
        signed: bool,
    ) -> "MaskingParameters":
        """Return the parameters for a cohort's vectors, which are all checked.

        Raises:
            ParameterError: for too few clients, an impossible k or vectors that do not fit.
        """
        length = next((int(np.size(vector)) for vector in vectors.values()), 0)
        parameters = cls.plan(len(vectors), length, modulus_bits, topology, signed)
        for vector in vectors.values():
            check_vector(vector, length, modulus_bits)
        return parameters


@dataclass(frozen=True)
class ClientPolicy:
    """The least that a client accepts: its own defence against a server that announces less.

    Attributes:
        topology: the client computes this topology's plan for the cohort it is told of; threshold
            and survivors must not be below it. The degree must be the plan's, or that of the
            complete graph with a threshold that bears as many colluders.
        signatures_required: whether sessions without signatures are refused.
        least_cohort: fewest clients of a session; None for more than half of those registered.
            A federation that samples smaller cohorts agrees to their size here.
    """

    topology: Topology = field(default_factory=CompleteGraph)
    signatures_required: bool = True
    least_cohort: int | None = None

    def check(self, num_clients: int, announced: MaskingParameters) -> None:
        """Refuse a session that is weaker than this policy; run by the client on an invitation.

        Raises:
            PolicyError: naming the server.
        """
        if self.signatures_required and not announced.signed:
            raise PolicyError("a session without signatures", SERVER)
        try:
            plan = self.topology.plan(num_clients, signed=announced.signed)
        except ParameterError as error:
            raise PolicyError(str(error), SERVER) from error
        if 2 * announced.threshold <= announced.degree + 1:
            raise PolicyError(
                f"threshold {announced.threshold} is no majority of {announced.degree + 1} holders",
                SERVER,
            )
        for name in ("degree", "threshold", "min_survivors"):
            least, found = getattr(plan, name), getattr(announced, name)
            if found < least:
                raise PolicyError(f"{name} {found} is below the {least} agreed to", SERVER)
        if announced.degree != plan.degree:
            self._check_complete(num_clients, announced, plan)

    def _check_complete(self, num_clients: int, announced: MaskingParameters, plan: Plan) -> None:
        """Accept all others as neighbours in place of some; more of them take a higher threshold.

        Among more neighbours are more colluders, which a threshold planned for fewer does not bear.
        """
        if announced.degree != num_clients - 1:
            raise PolicyError(
                f"degree {announced.degree} is neither the {plan.degree} agreed to nor that of the "
                "complete graph",
                SERVER,
            )
        bears = count_colluders(num_clients, announced.threshold, signed=announced.signed)
        if bears < plan.colluders:
            raise PolicyError(
                f"threshold {announced.threshold} of {num_clients} clients bears {bears} colluders "
                f"and not the {plan.colluders} agreed to",
                SERVER,
            )
