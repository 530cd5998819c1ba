"""Groups from contributions: everybody in one, sizes as equal as can be, and uniform."""

import itertools
import os
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from crypto.errors import ParameterError
from crypto.protocols.dealing.groups import Groups, deal, shuffled, split

SID, OWN = bytes(range(32)), bytes(32)
ALL_ORDERS = list(itertools.permutations(range(4)))


def contributions(clients, seed=b""):
    return {client: (seed + bytes([client % 256])).ljust(32, b"c") for client in clients}


@given(st.sets(st.integers(0, 2**31), min_size=3, max_size=40), st.integers(3, 10))
def test_everybody_is_in_one_group_of_enough(clients, size):
    if len(clients) < size:
        with pytest.raises(ParameterError, match=f"{len(clients)} clients are too few"):
            deal(SID, OWN, contributions(clients), size)
        return
    groups = deal(SID, OWN, contributions(clients), size).members
    assert sorted(itertools.chain(*groups)) == sorted(clients)
    sizes = [len(group) for group in groups]
    assert min(sizes) >= size and max(sizes) - min(sizes) <= 1
    assert len(groups) == len(clients) // size
    assert all(list(group) == sorted(group) for group in groups)


def test_groups_follow_from_every_contribution_and_the_session():
    clients = range(9)
    first = deal(SID, OWN, contributions(clients), 3)
    assert deal(SID, OWN, dict(reversed(contributions(clients).items())), 3) == first
    others = [
        deal(SID[::-1], OWN, contributions(clients), 3),
        deal(SID, SID, contributions(clients), 3),
    ]
    for client in clients:
        changed = contributions(clients) | {client: os.urandom(32)}
        others.append(deal(SID, OWN, changed, 3))
    assert len({first.digest, *(other.digest for other in others)}) == 12
    assert len({first.members, *(other.members for other in others)}) > 9


def test_orders_are_uniform():
    seeds = (number.to_bytes(32, "little") for number in range(24_000))
    counts = Counter(tuple(shuffled(range(4), seed)) for seed in seeds)
    found = [counts[order] for order in ALL_ORDERS]
    assert stats.chisquare(found).pvalue > 1e-4
    # The test sees a bias: of orders in which one client comes first a tenth too often.
    biased = [
        n * (1.1 if order[0] == 0 else 1 - 0.1 / 3)
        for n, order in zip(found, ALL_ORDERS, strict=True)
    ]
    assert stats.chisquare(biased).pvalue < 1e-4


@pytest.mark.parametrize("fixed", ["the server", "all clients but one"])
def test_one_honest_contribution_makes_pairs_meet_as_often_as_chance(fixed):
    """Who of the others shares client 0's group, whatever the others contribute."""
    mates, rounds = Counter(), 3000
    for number in range(rounds):
        honest = number.to_bytes(32, "big")
        given = contributions(range(7)) | ({6: honest} if fixed != "the server" else {})
        own = honest if fixed == "the server" else OWN
        groups = deal(SID, own, given, 3).members
        (mine,) = (group for group in groups if 0 in group)
        mates.update(set(mine) - {0})
    # Groups of 3 and 4: client 0 has 2 mates with probability 3/7, else 3; each other one alike.
    expected = rounds * (3 / 7 * 2 + 4 / 7 * 3) / 6
    deviation = (expected * (1 - expected / rounds)) ** 0.5
    for client in range(1, 7):
        assert abs(mates[client] - expected) < 4.5 * deviation


def test_too_short_a_sequence_makes_no_group():
    assert split([5, 1, 3], 3) == ((1, 3, 5),)
    with pytest.raises(ParameterError):
        split([5, 1], 3)


def test_a_sum_is_bound_to_the_members_the_dealing_and_the_broadcast():
    groups = Groups(SID, ((1, 2, 3), (4, 5, 6)))
    bindings = {
        groups.binding(0),
        groups.binding(1),
        groups.binding(0, b"a broadcast"),
        Groups(OWN, groups.members).binding(0),
        Groups(SID, ((1, 2, 4), (3, 5, 6))).binding(0),
    }
    assert len(bindings) == 5
    assert all(len(binding) == 32 for binding in bindings)
