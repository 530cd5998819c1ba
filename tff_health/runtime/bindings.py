"""From the settings of an experiment to the protocols behind its secure sums.

Nothing here imports TensorFlow, so that settings are checked at once.
"""

from dataclasses import dataclass

from crypto.masking.session import DoubleMasking
from crypto.masking.topology import CompleteGraph, RegularGraph, Topology
from tff_health.runtime.protocols import BoundProtocols

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


def double_masking(settings: ProtocolSettings) -> BoundProtocols:
    """Returns double masking, bound to all kinds of sums: one session a round."""
    return BoundProtocols.to_all(DoubleMasking(_topology(settings), signed=settings.signatures))


def explain_double_masking(settings: ProtocolSettings, num_clients: int) -> str:
    """Says who masks with whom, the threshold, and why.

    Raises:
        crypto.errors.ParameterError: if so many clients cannot meet the settings.
    """
    return _topology(settings).plan(num_clients).reason


def _topology(settings: ProtocolSettings) -> Topology:
    if settings.topology == "sparse":
        rate = max(settings.dropout_rate, _SPARSE_DROPOUT_RATE)
        return RegularGraph(dropout_rate=rate, collusion_rate=_SPARSE_COLLUSION_RATE)
    return CompleteGraph(settings.threshold or None)
