"""How many clients a sum needs, how many may collude, and which of them help to decrypt it."""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from crypto.errors import ParameterError, PolicyError
from crypto.parties import SERVER, ClientId
from crypto.randomness import Randomness, uniform_below

MIN_CLIENTS: Final = 3
"""With two clients the sum would give each one's value to the other."""


def plan_threshold(num_clients: int, threshold: int | None = None, *, signed: bool = True) -> int:
    """Return the threshold for a cohort: the default, unless another one is asked for.

    Args:
        num_clients: n, the clients that get a share.
        threshold: t; None for the default: floor(2n/3) + 1 in signed protocols, which claim to
            withstand a server that deviates, else a majority; never below three.
        signed: whether clients sign their messages.

    Raises:
        ParameterError: for fewer than three clients, a threshold that is none, or, in a signed
            protocol, one that is no majority.

    Source: Bonawitz et al. 2017, section 6.2 (active setting) for two thirds.
    """
    if num_clients < MIN_CLIENTS:
        raise ParameterError(
            f"{num_clients} clients: at least {MIN_CLIENTS} are needed, as the sum of two gives "
            "one's value to the other"
        )
    default = 2 * num_clients // 3 + 1 if signed else num_clients // 2 + 1
    planned = max(default, MIN_CLIENTS) if threshold is None else threshold
    if not MIN_CLIENTS <= planned <= num_clients:
        raise ParameterError(
            f"threshold={planned} must lie in {MIN_CLIENTS}..{num_clients}: the sum of two gives "
            "one's value to the other"
        )
    count_colluders(num_clients, planned, signed=signed)
    return planned


def count_colluders(num_clients: int, threshold: int, *, signed: bool) -> int:
    """Return how many clients may help the server without learning more than the sum.

    Signed protocols withstand a server that deviates: it may tell two halves of the honest clients
    different things, and colluders answer both, so 2t must exceed n + c. In unsigned ones all
    parties follow the protocol, and t - 1 clients cannot reconstruct anything.

    Args:
        num_clients: n, the clients that have a share.
        threshold: t, the fewest that reconstruct.
        signed: whether clients sign their messages.

    Returns:
        c = 2t - n - 1 if `signed`, else t - 1; 0 to n - 1.

    Raises:
        ParameterError: if a signed protocol would not even withstand the server alone.
    """
    colluders = 2 * threshold - num_clients - 1 if signed else threshold - 1
    if colluders < 0:
        raise ParameterError(
            f"threshold={threshold} is no majority of {num_clients} clients: a server that tells "
            f"them different things could open two sums; take {num_clients // 2 + 1} or more"
        )
    return colluders


def describe_colluders(colluders: int, *, signed: bool) -> str:
    """Say for people what `count_colluders` found."""
    clients = f"{colluders} client{'' if colluders == 1 else 's'}"
    if signed:
        return f"the server, even if it deviates, and up to {clients} learn the sum alone"
    return f"if all follow the protocol, the server and up to {clients} learn the sum alone"


def check_threshold(
    num_clients: int, announced: int, agreed: int | None = None, *, signed: bool = True
) -> None:
    """Refuse a threshold below the agreed one; run by the client on an invitation.

    Args:
        num_clients: n, the clients that have a share or must consent.
        announced: the server's or the authority's threshold.
        agreed: the one that clients agreed to; None for the default of `plan_threshold`.
        signed: whether clients sign their messages.

    Raises:
        PolicyError: naming the server.
    """
    try:
        least = plan_threshold(num_clients, agreed, signed=signed)
        plan_threshold(num_clients, announced, signed=signed)
    except ParameterError as error:
        raise PolicyError(str(error), SERVER) from error
    if announced < least:
        raise PolicyError(
            f"threshold {announced} of {num_clients} clients is below the {least} agreed to", SERVER
        )


def check_reachable(threshold: int, num_holders: int, least: int = 1) -> None:
    """Refuse a number of shares that says nothing, or that there are not.

    Raises:
        ParameterError: unless it lies in least..num_holders.
    """
    if not least <= threshold <= num_holders:
        raise ParameterError(f"threshold={threshold} must lie in {least}..{num_holders}")


def check_cohort(num_clients: int, num_registered: int, least: int | None = None) -> None:
    """Refuse a cohort that is too small; run by the client on an invitation.

    A server that picks whom it invites could surround one client with colluders. While a cohort is
    more than half of all who are registered, a minority of colluders stays a minority of it.

    Args:
        num_clients: size of the cohort.
        num_registered: clients whose verify keys this client knows; 0 if they do not sign.
        least: fewest clients of a cohort; None for more than half of those registered. A
            federation that samples smaller cohorts has its clients agree to that size.

    Raises:
        PolicyError: naming the server.
    """
    required = num_registered // 2 + 1 if least is None else least
    if num_clients < max(required, MIN_CLIENTS):
        raise PolicyError(
            f"a cohort of {num_clients} clients is smaller than the {max(required, MIN_CLIENTS)} "
            f"agreed to, with {num_registered} registered",
            SERVER,
        )


ChooseHelpers: TypeAlias = Callable[[Sequence[ClientId], int, Randomness], Sequence[ClientId]]
"""From candidates and a number to that many of them."""


def choose_at_random(
    candidates: Sequence[ClientId], count: int, randomness: Randomness
) -> tuple[ClientId, ...]:
    """Return a uniform choice without repetition, the paper's P5; all if there are no more."""
    left = list(candidates)
    chosen: list[ClientId] = []
    while left and len(chosen) < count:
        chosen.append(left.pop(uniform_below(len(left), randomness)))
    return tuple(chosen)
