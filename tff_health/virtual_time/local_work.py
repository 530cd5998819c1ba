"""Unequal local work without bias: the normalised averaging of FedNova (Wang et al. 2020).

A client's update after tau steps is the learning rate times a weighted sum of its gradients. Those
of clients that did more steps are longer, so that the plain mean pulls the model to the optimum of
these clients (section 3 there). FedNova divides each update by the sum of these weights, |a|_1,
and multiplies the mean by what |a|_1 is on average, tau_eff (eqs. 8 and 9).
"""

import math
from collections.abc import Mapping

MOST_SCALE = 4.0
"""The most that an update is multiplied with."""


def work_norm(steps: int, momentum: float = 0.0) -> float:
    """Returns |a|_1 of so many steps of gradient descent, with momentum or not.

    With momentum rho the gradient of step k of tau counts (1 - rho^(tau-k+1)) / (1 - rho) (section
    4 there): all later steps repeat it.

    Args:
        steps: tau, 1 or more.
        momentum: rho, from 0 to below 1.
    """
    if not momentum:
        return float(steps)
    ratio = momentum * (1 - momentum**steps) / (1 - momentum)
    return (steps - ratio) / (1 - momentum)


def update_scales(
    steps: Mapping[int, int], weights: Mapping[int, float], momentum: float = 0.0
) -> dict[int, float]:
    """Returns what each client multiplies its update with: tau_eff / |a|_1.

    tau_eff is the same for all, so that any value leaves the mean unbiased (eq. 9 there). Here it
    is the mean of |a|_1, but at most `MOST_SCALE` times the least of them: a client with very few
    steps would else send these multiplied so often that training may diverge.

    Args:
        steps: client -> steps that it does.
        weights: client -> what its update counts in the mean; any unit.
        momentum: of the clients' gradient descent.
    """
    norms = {client: work_norm(count, momentum) for client, count in steps.items()}
    total = math.fsum(weights[client] for client in steps)
    mean = math.fsum(weights[client] * norm for client, norm in norms.items()) / total
    effective = min(mean, MOST_SCALE * min(norms.values()))
    return {client: effective / norm for client, norm in norms.items()}
