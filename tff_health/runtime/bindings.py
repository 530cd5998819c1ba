"""From the settings of an experiment to the protocols behind its secure sums.

Nothing here imports TensorFlow, so that settings are checked at once.
"""

from collections.abc import Callable
from dataclasses import dataclass

from crypto.masking.session import DoubleMasking
from crypto.masking.topology import CompleteGraph, RegularGraph, Topology
from tff_health.runtime.protocols import BoundProtocols, SumProtocol

TOPOLOGIES = ("complete", "sparse")
_SPARSE_COLLUSION_RATE = 0.1
_SPARSE_DROPOUT_RATE = 0.1


@dataclass(frozen=True)
class ProtocolSettings:
    """What an experiment says about its protocol.

    Attributes:
        threshold: fewest clients that reconstruct a secret; 0 for the smallest safe one.
        topology: "complete" or "sparse".
        signatures: whether clients sign their messages.
        dropout_rate: share of a cohort that may drop out.
    """

    threshold: int
    topology: str
    signatures: bool
    dropout_rate: float


@dataclass(frozen=True)
class ProtocolPlan:
    """What a protocol means for one number of clients.

    Attributes:
        survivors: the fewest clients that must be left at the end of a session.
        reason: who works with whom, the threshold, and why.
    """

    survivors: int
    reason: str


@dataclass(frozen=True)
class Binding:
    """How a scheme's protocol is made.

    Attributes:
        build: makes the protocol, bound to TFF's kinds of sums.
        plan: says what it means for a number of clients; raises
            `crypto.errors.ParameterError`, a ValueError, if they cannot meet the settings.
    """

    build: Callable[[ProtocolSettings], SumProtocol]
    plan: Callable[[ProtocolSettings, int], ProtocolPlan]


def _double_masking(settings: ProtocolSettings) -> SumProtocol:
    return BoundProtocols.to_all(DoubleMasking(_topology(settings), signed=settings.signatures))


def _plan_double_masking(settings: ProtocolSettings, num_clients: int) -> ProtocolPlan:
    plan = _topology(settings).plan(num_clients)
    return ProtocolPlan(plan.min_survivors, plan.reason)


def _topology(settings: ProtocolSettings) -> Topology:
    if settings.topology == "sparse":
        rate = max(settings.dropout_rate, _SPARSE_DROPOUT_RATE)
        return RegularGraph(dropout_rate=rate, collusion_rate=_SPARSE_COLLUSION_RATE)
    return CompleteGraph(settings.threshold or None)


BINDINGS = {"double_masking": Binding(_double_masking, _plan_double_masking)}
