"""Sites that are killed with -9, at every stage of every scheme: the sum is the survivors'."""

import pytest

from tests.tff_health.federation.drills.drill import LONG, Drill, left_over
from tests.tff_health.federation.drills.program import Blow

pytestmark = [pytest.mark.slow, pytest.mark.drill, pytest.mark.timeout(3000 if LONG else 600)]
TRAIN, CLOSE = ("round", "train"), ("round", "close")
MASKING = ("advertise keys", "share keys", "masked input")
GENERATION = (
    *("advertise keys", "dealing", "complaints", "extraction", "exposure", "reconstruction"),
    *("confirmation", "result"),
)
KEYS = (
    *(("system key/delivery key", "key setup"), ("system key/delivery", "key setup")),
    *(("system key/sum", "key setup"), ("delivery key", "advertise keys")),
    ("delivery", "advertise keys"),
)


def sums(*stages):
    return tuple(("sum", stage) for stage in stages)


# What is asked of a site in a round, in this order: of a round in which a site is new.
STEPS = {
    "bonawitz": sums(*MASKING, "consistency", "unmasking"),
    "zhang": (*KEYS, *sums(*MASKING, "recovery", "decryption")),
    "zhang_hardened": (
        *(("key generation/step", stage) for stage in GENERATION),
        *sums(*MASKING, "consistency", "unmasking", "decryption"),
    ),
    "fang": sums("key setup", "upload"),
    "fedopt": sums("key setup", "upload"),
}
UPLOADS = sums("masked input", "upload")
NEEDS_ALL = ("fang", "fedopt")
SCHEMES = tuple(STEPS) if LONG else ("bonawitz", "zhang_hardened")
MOMENTS = ("before", "after") if LONG else ("before",)


def steps(scheme):
    return (TRAIN, *STEPS[scheme], CLOSE)


def struck_steps(scheme):
    """Those at which a site is struck: in short drills not every one of a key generation."""
    seldom = () if LONG else ("advertise keys", "complaints", "extraction", "exposure", "result")
    return [one for one in steps(scheme) if one[0] != "key generation/step" or one[1] not in seldom]


def is_after_upload(scheme, step):
    upload = next(place for place, one in enumerate(steps(scheme)) if one in UPLOADS)
    return steps(scheme).index(step) > upload


def survivors(drill, step, victim):
    """Who must be in the sum if one site was killed at a step; nobody if the round is lost."""
    if drill.scheme in NEEDS_ALL:
        return [] if step == ("sum", "upload") else list(drill.clients)
    is_in = is_after_upload(drill.scheme, step)
    return [c for c in drill.clients if is_in or c != drill.client(victim)]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_site_killed_at_each_stage(tmp_path, scheme):
    points = [(step, moment) for step in struck_steps(scheme) for moment in MOMENTS]
    blows = [Blow(n, *step, moment) for n, (step, moment) in enumerate(points, start=1)]
    with Drill(tmp_path, scheme, rounds=len(points) + 1) as drill:
        drill.start_all(blows)
        for number, (step, _) in enumerate(points, start=1):
            victim = drill.struck()
            drill.start(victim, blows)
            done = drill.wait_for_round(number)
            assert done["survivors"] == survivors(drill, step, victim), (step, drill.logs())
            assert max(done["waits"].values()) < drill.study.section.stage_seconds / 2, done
        drill.assert_over()
    assert not left_over(tmp_path)
