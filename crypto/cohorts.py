"""How many clients a sum needs, and which of them help to decrypt it."""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from crypto.errors import ParameterError
from crypto.parties import ClientId
from crypto.randomness import Randomness, uniform_below

MIN_CLIENTS: Final = 3


def plan_threshold(num_clients: int, threshold: int | None = None) -> int:
    """Return the threshold for a cohort: a majority, unless another one is asked for.

    Raises:
        ParameterError: for fewer than three clients, or a threshold that is none.
    """
    if num_clients < MIN_CLIENTS:
        raise ParameterError(
            f"{num_clients} clients: the sum of two gives one's value to the other"
        )
    planned = num_clients // 2 + 1 if threshold is None else threshold
    if not 2 <= planned <= num_clients:
        raise ParameterError(f"threshold={planned} must lie in 2..{num_clients}")
    return planned


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
