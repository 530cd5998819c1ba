"""The server killed with -9 at every stage: it goes on from its last round; no sum is wrong."""

import time

import pytest

from tests.tff_health.federation.drills.drill import LONG, Drill, left_over
from tests.tff_health.federation.drills.program import Blow
from tests.tff_health.federation.drills.test_killed_sites import (
    CLOSE,
    STEPS,
    TRAIN,
    sums,
)

pytestmark = [pytest.mark.slow, pytest.mark.drill, pytest.mark.timeout(3000 if LONG else 600)]
SCHEMES = tuple(STEPS) if LONG else ("bonawitz",)
MOMENTS = ("before", "between", "after") if LONG else ("between",)
OPENS = {
    "bonawitz": ("sum", "unmasking"),
    "zhang": ("sum", "masked input"),
    "zhang_hardened": ("sum", "unmasking"),
    "fang": ("sum", "upload"),
    "fedopt": ("sum", "upload"),
}
LASTING_KEYS = ("zhang", "zhang_hardened")
# Asked in some rounds alone, or without an answer between which to strike.
SELDOM = (
    *sums("recovery", "decryption"),
    *(("key generation/step", stage) for stage in ("exposure", "reconstruction", "result")),
)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_server_killed_at_each_stage(tmp_path, scheme):
    steps = (TRAIN, *STEPS[scheme], CLOSE)
    points = [(step, moment) for step in steps for moment in MOMENTS]
    blows = [Blow(n, *step, moment) for n, (step, moment) in enumerate(points, start=1)]
    if scheme in LASTING_KEYS:  # which a server that goes on does not make anew
        blows += [Blow(n, *CLOSE, "after") for n in range(1, len(points) + 1)]
    with Drill(tmp_path, scheme, rounds=len(points) + 1) as drill:
        drill.start_server(blows)
        for name in drill.names:
            drill.start(name)
        while len(drill.kept()) < len(points) + 1:
            for name in drill.fallen():
                assert name == "server"
                drill.start_server(blows)
            drill.assert_running("server")
            time.sleep(0.02)
        drill.assert_over()
        missed = {blow.stage for blow in blows[: len(points)] if not drill.has_struck(blow)}
        assert missed <= {stage for _, stage in SELDOM}, missed
        opens = steps.index(OPENS[scheme])
        for (step, moment), done in zip(points, drill.kept(), strict=False):
            place = steps.index(step)
            may_be_open = opens < place or (opens == place and moment != "before")
            if not may_be_open or step == CLOSE:
                assert done["survivors"] == list(drill.clients), (step, moment, drill.logs())
            assert done["lost"] or len(done["survivors"]) >= drill.study.plan.survivors
    assert not left_over(tmp_path)
