"""Exact tails of the hypergeometric distribution, in logarithms to base 2."""

import math


class UpperTails:
    """Pr[X >= count] for X marked ones among some drawn from an urn without return.

    The numbers of ways are exact integers; only their logarithms are rounded.

    Args:
        population: size of the urn.
        marked: marked ones in it, 0 to population.
        drawn: how many are drawn, 0 to population.
    """

    def __init__(self, population: int, marked: int, drawn: int) -> None:
        self._lowest = max(0, drawn - (population - marked))
        highest = min(marked, drawn)
        ways = math.comb(marked, highest) * math.comb(population - marked, drawn - highest)
        total = 0
        descending = []
        for hit in range(highest, self._lowest - 1, -1):
            total += ways
            descending.append(total)
            # C(m, h-1) C(N-m, d-h+1) follows from C(m, h) C(N-m, d-h) by an exact division.
            ways = (
                ways
                * (hit * (population - marked - drawn + hit))
                // ((marked - hit + 1) * (drawn - hit + 1))
            )
        self._ways = descending[::-1]
        self._log2_all = math.log2(math.comb(population, drawn))

    def log2_at_least(self, count: int) -> float:
        """Return log2 Pr[X >= count]: at most 0, and -inf if it cannot happen."""
        index = max(count - self._lowest, 0)
        if index >= len(self._ways):
            return -math.inf
        return min(math.log2(self._ways[index]) - self._log2_all, 0.0)


def log2_all_marked(population: int, marked: int, drawn: int) -> float:
    """Return log2 Pr[all `drawn` ones are marked]."""
    ways = math.comb(marked, drawn)
    return math.log2(ways) - math.log2(math.comb(population, drawn)) if ways else -math.inf


def log2_sum(*terms: float) -> float:
    """Return log2 of the sum of 2^term."""
    largest = max(terms)
    if largest == -math.inf:
        return largest
    return largest + math.log2(math.fsum(2.0 ** (term - largest) for term in terms))
