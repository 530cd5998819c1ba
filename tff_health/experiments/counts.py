"""Settings that count something, and what is too many for any of them."""

from collections.abc import Iterable

MAX_COUNT = 10**9
MAX_SEED = 2**31 - 1


def count_problems(config: object, names: Iterable[str]) -> list[str]:
    """Says which settings of these names are not from 1 to `MAX_COUNT`."""
    found = [(name, getattr(config, name)) for name in names]
    few = [f"--{name}={count}: must be 1 or more" for name, count in found if count < 1]
    many = [
        f"--{name}={count}: must be at most {MAX_COUNT}"
        for name, count in found
        if count > MAX_COUNT
    ]
    return few + many
