from collections import Counter

import pytest

from tff_health import flags
from tff_health.experiments.cohort import draw_cohort

STAGES = ("share keys", "masked input", "unmasking")


def draw(round_number=1, attempt=1, stages=STAGES, **settings):
    arguments = [f"--{name}={value}" for name, value in settings.items()]
    config = flags.parse(["run", "--scheme=bonawitz", *arguments], {}).config
    return draw_cohort(config, stages, round_number, attempt)


def test_all_clients_take_part_and_none_drops_out_by_default():
    cohort = draw()
    assert cohort.clients == cohort.present == tuple(range(10))
    assert cohort.dropouts == {}


def test_the_share_of_dropouts_is_exact():
    for round_number in range(1, 20):
        cohort = draw(round_number, dropout_rate=0.3)
        assert len(cohort.dropouts) == 3
        assert set(cohort.dropouts) <= set(cohort.clients)
        assert set(cohort.dropouts.values()) <= set(STAGES)
        assert len(cohort.present) == 7


def test_a_half_rounds_up():
    assert len(draw(dropout_rate=0.25).dropouts) == 3


def test_independent_dropouts_have_the_share_on_average():
    counts = [
        len(draw(number, dropout_rate=0.3, dropout_draw="independent").dropouts)
        for number in range(1, 301)
    ]
    # 3,000 draws at 0.3: the mean of ten is 3, with a standard deviation of 0.084.
    assert sum(counts) / len(counts) == pytest.approx(3, abs=0.42)
    assert len(set(counts)) > 3


def test_a_cohort_is_drawn_evenly():
    seen = Counter(c for number in range(1, 401) for c in draw(number, clients_per_round=4).clients)
    # Each client in 400 x 0.4 = 160 of them, with a standard deviation of 9.8.
    assert set(seen) == set(range(10))
    assert all(abs(count - 160) < 49 for count in seen.values())


def test_another_round_attempt_or_seed_is_another_draw_and_the_same_one_the_same():
    one = draw(dropout_rate=0.3)
    assert one == draw(dropout_rate=0.3)
    others = [
        draw(2, dropout_rate=0.3),
        draw(1, 2, dropout_rate=0.3),
        draw(dropout_rate=0.3, seed=1),
    ]
    assert all(other != one for other in others)


def test_who_drops_out_does_not_depend_on_the_stages():
    with_one = draw(dropout_rate=0.3, dropout_stages="unmasking")
    assert set(with_one.dropouts.values()) == {"unmasking"}
    assert with_one.dropouts.keys() == draw(dropout_rate=0.3).dropouts.keys()
    assert draw(dropout_rate=0.3, stages=()).present == with_one.present
