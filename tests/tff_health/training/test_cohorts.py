from collections import Counter
from types import SimpleNamespace

import pytest

from crypto.errors import (
    MalformedMessageError,
    ProofError,
    ShareError,
    ThresholdError,
    WrongTimeError,
)
from crypto.parties import SERVER
from crypto.session.secure_sum import Refusal
from tff_health import flags
from tff_health.errors import RunError
from tff_health.secure_aggregation.round_record import RoundAbortedError, RoundRecord
from tff_health.training.cohorts import draw_cohort
from tff_health.training.round_runner import RoundRunner

STAGES = ("share keys", "masked input", "unmasking")


def draw(round_number=1, attempt=1, stages=STAGES, excluded=(), **settings):
    arguments = [f"--{name}={value}" for name, value in settings.items()]
    config = flags.parse(["run", "--scheme=bonawitz", *arguments], {}).config
    return draw_cohort(config, stages, round_number, attempt, excluded)


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


def test_excluded_clients_are_not_asked():
    cohort = draw(clients_per_round=8, excluded={3, 7})
    assert cohort.clients == (0, 1, 2, 4, 5, 6, 8, 9)
    assert draw(excluded={0, 1, 2, 3, 4, 5, 6, 7}, dropout_rate=0.3).clients == (8, 9)
    for number in range(1, 20):
        same = draw(number, clients_per_round=5, dropout_rate=0.2)
        assert draw(number, clients_per_round=5, dropout_rate=0.2, excluded=set()) == same


def record_of(*refusals):
    return RoundRecord(1, (0, 1, 2), (), None, refusals, 0.0, 0.0, 0.0)


def test_culprits_are_those_that_the_server_found_to_cheat():
    found = record_of(
        Refusal("unmasking", SERVER, ShareError("false", 1)),
        Refusal("upload", SERVER, ProofError("false", 2)),
        Refusal("upload", SERVER, WrongTimeError("late", 3)),
        Refusal("upload", SERVER, MalformedMessageError("garbage", 4)),
        Refusal("masked input", 5, ShareError("accuses", 6)),
        Refusal("unmasking", SERVER, ShareError("nobody known")),
        Refusal("unmasking", SERVER, ShareError("itself", SERVER)),
        Refusal("unmasking", SERVER, ThresholdError("few", 1, 2)),
    )
    assert found.culprits == {1, 2}


class FakeContext:
    """Aborts each round before anything can be opened, once with a culprit."""

    stages = STAGES
    set_up_stages = ()

    def __init__(self):
        self.cohorts = []

    def plan_round(self, clients, dropouts, repeats=False, states=None):
        self.cohorts.append(tuple(clients))

    def next(self, state, keys):
        refusals = (
            [Refusal("upload", SERVER, ProofError("false", 4))] if len(self.cohorts) == 1 else []
        )
        raise RoundAbortedError("too few", record_of(*refusals), may_be_opened=False)


def test_a_culprit_is_not_invited_again(capsys):
    config = flags.parse(["run", "--scheme=bonawitz"], {}).config
    context = FakeContext()
    process = SimpleNamespace(training=context, memory=None)
    runner = RoundRunner(process, config, context, None, goes_on=False)
    runner._keys = lambda cohort, clients, number: []
    for number in (1, 2):
        with pytest.raises(RunError, match="aborted 5 times"):
            runner.run(None, number)
    assert context.cohorts[0] == tuple(range(10))
    assert set(context.cohorts[1:]) == {(0, 1, 2, 3, 5, 6, 7, 8, 9)}
    assert capsys.readouterr().err.count("left out from now on") == 1
