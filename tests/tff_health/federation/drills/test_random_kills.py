"""Many rounds in which programs die at random: no round is lost that had its threshold."""

import random
import time

import pytest

from tests.tff_health.federation.drills.drill import LONG, Drill, left_over, listeners
from tests.tff_health.federation.drills.program import Blow
from tests.tff_health.federation.drills.test_killed_sites import CLOSE, STEPS, TRAIN

pytestmark = [pytest.mark.slow, pytest.mark.drill, pytest.mark.timeout(3000 if LONG else 600)]
ROUNDS = 100 if LONG else 20
SITES, FEWEST = 7, 5


def schedule(seed, scheme, rounds):
    """Up to two sites die in a round, at any step; in the last rounds nobody."""
    draw = random.Random(seed)
    steps = [TRAIN, *(one for one in STEPS[scheme] if one[0] == "sum"), CLOSE]
    blows = []
    for number in range(1, rounds - 1):
        for _ in range(draw.choice((0, 0, 1, 1, 2))):
            moment = draw.choice(("before", "after"))
            blows.append(Blow(number, *draw.choice(steps), moment, times=1))
    return blows


@pytest.mark.parametrize("scheme", ["bonawitz", "zhang_hardened"] if LONG else ["bonawitz"])
def test_no_round_is_lost_that_had_its_threshold(tmp_path, scheme):
    blows = schedule(20261129, scheme, ROUNDS)
    with Drill(tmp_path, scheme, rounds=ROUNDS, sites=SITES, threshold=FEWEST) as drill:
        drill.start_all(blows)
        while (drill.folder / "server.log").exists() and len(drill.kept()) < ROUNDS:
            for name in drill.fallen():
                drill.start(name, blows)
            drill.assert_running("server")
            time.sleep(0.02)
        drill.assert_over()
        kept = drill.kept()
        assert not [done for done in kept if done["lost"]]
        assert min(len(done["survivors"]) for done in kept) >= FEWEST
        assert max(max(done["waits"].values()) for done in kept) < drill.study.section.stage_seconds
        deaths = len(list(drill.folder.glob("struck *")))
        assert deaths >= len(blows) / 2  # some rounds had no such step, or two blows were one
        port = drill.port
    assert not left_over(tmp_path)
    assert not listeners(port)
