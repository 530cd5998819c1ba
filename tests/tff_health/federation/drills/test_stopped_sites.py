"""Sites that are stopped, and so stay connected and say nothing: one deadline, once."""

import signal

import pytest

from tests.tff_health.federation.drills.drill import LONG, Drill
from tests.tff_health.federation.drills.program import Blow
from tests.tff_health.federation.drills.test_killed_sites import STEPS

pytestmark = [pytest.mark.slow, pytest.mark.drill]
SCHEMES = ("bonawitz", "zhang", "zhang_hardened") if LONG else ("zhang_hardened",)
DEADLINE, QUICK = 2, 1.5


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_site_that_hangs_costs_one_deadline_and_returns(tmp_path, scheme):
    step = ("sum", "masked input")
    assert step in STEPS[scheme]
    blow = Blow(2, *step, "before", "SIGSTOP")
    with Drill(tmp_path, scheme, rounds=40, stage_seconds=DEADLINE) as drill:
        drill.start_all([blow])
        hung = drill.stopped()
        rest = [c for c in drill.clients if c != drill.client(hung)]
        done = drill.wait_for_round(2)
        assert done["survivors"] == rest
        waits = {stage: seconds for stage, seconds in done["waits"].items() if seconds > QUICK}
        assert set(waits) == {"masked input"}, done
        assert DEADLINE - 0.1 < waits["masked input"] < DEADLINE + QUICK
        drill.wait_for_round(4)
        for number in (3, 4):
            done = drill.kept()[number - 1]
            assert done["survivors"] == rest
            assert max(done["waits"].values()) < QUICK, done
        drill.signal(hung, signal.SIGCONT)
        drill.assert_over()
        assert drill.kept()[-1]["survivors"] == list(drill.clients)
