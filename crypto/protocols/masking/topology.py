"""Who masks with whom: the complete graph, or a sparse one that is dense enough to be safe.

A topology plans a neighbourhood size (the degree) and a threshold for a number of clients; the
plan says why. The graph itself is then drawn from the session's identifier (`graph.py`).

Source: Bell, Bonawitz, Gascón, Lepoint, Raykova, "Secure single-server aggregation with
(poly)logarithmic overhead", CCS 2020; Choi et al., the paper's [27].
"""

import functools
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from crypto.errors import ParameterError
from crypto.protocols.masking.hypergeometric import UpperTails, log2_all_marked, log2_sum
from crypto.session.thresholds import count_colluders, describe_colluders, plan_threshold


@dataclass(frozen=True)
class Plan:
    """Neighbourhoods for one number of clients.

    A client's holders are its neighbours and itself: degree + 1 parties share its secrets.

    Attributes:
        num_clients: n.
        degree: neighbours of a client, n - 1 for the complete graph, else even.
        threshold: fewest holders that reconstruct; more than half of them.
        min_survivors: fewest clients in a sum.
        colluders: most clients that may help the server without learning more than the sum.
        log2_correctness: log2 of the probability that the planned dropouts prevent the sum.
        log2_security: log2 of the probability that the planned colluders learn more than the sum.
        reason: the same for people.
    """

    num_clients: int
    degree: int
    threshold: int
    min_survivors: int
    colluders: int
    log2_correctness: float
    log2_security: float
    reason: str


class Topology(ABC):
    """A rule that gives a plan for any number of clients."""

    @abstractmethod
    def plan(self, num_clients: int, *, signed: bool = True) -> Plan:
        """Return the plan for n clients.

        Args:
            num_clients: n.
            signed: whether clients sign their messages, and so withstand a server that deviates.

        Raises:
            ParameterError: for fewer than three clients, or a rule that cannot be met.
        """


@dataclass(frozen=True)
class CompleteGraph(Topology):
    """Every client masks with every other one.

    Attributes:
        threshold: t, more than half of the clients and at least three; by default
            floor(2n/3) + 1 in signed sessions, else the smallest majority.
    """

    threshold: int | None = None

    def plan(self, num_clients: int, *, signed: bool = True) -> Plan:
        """Return the plan for n clients: t more than n / 2, up to n - t dropouts, always."""
        planned = plan_threshold(num_clients, signed=signed)
        threshold = planned if self.threshold is None else self.threshold
        majority = _majority(num_clients)
        if not majority <= threshold <= num_clients:
            raise ParameterError(
                f"threshold={threshold} must lie in {majority}..{num_clients} for {num_clients} "
                "clients: more than half, at least three"
            )
        colluders = count_colluders(num_clients, threshold, signed=signed)
        bears = describe_colluders(colluders, signed=signed)
        reason = (
            f"complete graph over {num_clients} clients, threshold {threshold}: any "
            f"{num_clients - threshold} may drop out; {bears}"
        )
        return Plan(
            num_clients,
            num_clients - 1,
            threshold,
            threshold,
            colluders,
            -math.inf,
            -math.inf,
            reason,
        )


@dataclass(frozen=True)
class RegularGraph(Topology):
    """Every client masks with k others, k growing with the logarithm of n.

    The guarantee is statistical and holds for dropouts and colluders that do not depend on the
    graph. The graph is drawn from the session's identifier, which the server has a part in; a
    server that tries many identifiers can look for a graph that suits it, so against a malicious
    server take the complete graph.

    Attributes:
        dropout_rate: share of the clients that may drop out, 0 to below 1.
        collusion_rate: share of the clients that may collude with the server, 0 to below 1.
        failure_bits: failure probability 2^-bits, for correctness and for security each.
    """

    dropout_rate: float = 0.1
    collusion_rate: float = 0.1
    failure_bits: int = 40

    def __post_init__(self) -> None:
        for name in ("dropout_rate", "collusion_rate"):
            rate = getattr(self, name)
            if not 0 <= rate < 1:
                raise ParameterError(f"{name}={rate} must lie in 0..1, 1 excluded")
        if self.failure_bits < 1:
            raise ParameterError(f"failure_bits={self.failure_bits} must be at least 1")

    def plan(self, num_clients: int, *, signed: bool = True) -> Plan:  # noqa: ARG002
        """Return `choose_degree` for these rates, which is the same in unsigned sessions."""
        return choose_degree(num_clients, self.dropout_rate, self.collusion_rate, self.failure_bits)


@functools.lru_cache(maxsize=64)
def choose_degree(
    num_clients: int, dropout_rate: float, collusion_rate: float, failure_bits: int = 40
) -> Plan:
    """Choose the smallest degree k and a threshold t, and say why.

    With D = ceil(dropout_rate n) dropouts, C = ceil(collusion_rate n) colluders and the union
    bound over all clients, k and t keep below 2^-failure_bits each:

    - correctness: some client has fewer than t holders left, so more than k - t of its k
      neighbours dropped out, a hypergeometric tail;
    - security: some client has c >= 2 t - (k + 1) colluding neighbours, so that a server that tells
      its neighbours different things could have t answers of both kinds, a hypergeometric tail;
      or the graph without dropouts and colluders falls apart, for which two runs of k / 2
      neighbours each on the ring must all be gone.

    Args:
        num_clients: n, at least 3.
        dropout_rate: D / n.
        collusion_rate: C / n.
        failure_bits: default 40.

    Returns:
        The plan; that of the complete graph if no smaller degree will do.

    Raises:
        ParameterError: for fewer than three clients, or rates that no graph can bear.
    """
    survivors = _majority(num_clients)
    dropouts = math.ceil(dropout_rate * num_clients)
    colluders = math.ceil(collusion_rate * num_clients)
    if survivors > num_clients - dropouts:
        raise ParameterError(
            f"{dropouts} dropouts of {num_clients} clients leave fewer than {survivors} survivors"
        )
    for degree in range(2, num_clients - 1, 2):
        choice = _best_threshold(num_clients, degree, dropouts, colluders, failure_bits)
        if choice is not None:
            break
    else:
        return _complete_for(num_clients, dropouts, colluders)
    threshold, correctness, security = choice
    reason = (
        f"{num_clients} clients, {dropouts} dropouts, {colluders} colluders: degree {degree}, "
        f"threshold {threshold} of {degree + 1} holders. Some client keeps too few holders with "
        f"probability at most 2^{correctness:.1f}; colluders learn more than the sum with "
        f"probability at most 2^{security:.1f}; both had to be below 2^-{failure_bits}"
    )
    return Plan(num_clients, degree, threshold, survivors, colluders, correctness, security, reason)


def _best_threshold(
    num_clients: int, degree: int, dropouts: int, colluders: int, failure_bits: int
) -> tuple[int, float, float] | None:
    """Return the lowest secure threshold, the best for correctness, if it is correct as well."""
    others, union = num_clients - 1, math.log2(num_clients)
    gone = min(dropouts + colluders, num_clients)
    apart = math.log2(num_clients * others / 2) + log2_all_marked(num_clients, gone, degree)
    colluding = UpperTails(others, min(colluders, others), degree)
    dropped = UpperTails(others, min(dropouts, others), degree)
    for threshold in range(degree // 2 + 1, degree + 1):
        correctness = union + dropped.log2_at_least(degree - threshold + 1)
        if correctness > -failure_bits:
            return None
        two_answers = union + colluding.log2_at_least(2 * threshold - degree - 1)
        security = log2_sum(two_answers, apart)
        if security <= -failure_bits:
            return threshold, correctness, security
    return None


def _complete_for(num_clients: int, dropouts: int, colluders: int) -> Plan:
    threshold = max((num_clients + colluders) // 2 + 1, _majority(num_clients))
    if threshold > num_clients - dropouts:
        raise ParameterError(
            f"{dropouts} dropouts and {colluders} colluders are too many for {num_clients} "
            f"clients: even the complete graph needs {threshold} survivors"
        )
    return CompleteGraph(threshold).plan(num_clients)


def _majority(num_clients: int) -> int:
    return plan_threshold(num_clients, signed=False)
