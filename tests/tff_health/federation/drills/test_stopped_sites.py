"""Sites that are stopped, and so stay connected and say nothing: one deadline, once."""

import signal
import time

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


class Endless(Drill):
    """A drill of more rounds than there is time for, which sites bear."""

    rounds_a_day = 1_000_000
    training_seconds = stage_seconds = 10

    def last(self):
        return self.wait_for_round(len(self.kept()) + 1)


@pytest.mark.skipif(not LONG, reason="takes more than a minute: TFF_HEALTH_DRILLS=long")
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_site_that_hangs_for_a_minute_costs_one_deadline_and_returns(tmp_path, scheme):
    rounds, deadline = Endless.rounds_a_day, Endless.stage_seconds
    with Endless(tmp_path, scheme, rounds, stage_seconds=deadline) as drill:
        drill.start_all()
        drill.wait_for_round(3)
        drill.signal("hospital-2", signal.SIGSTOP)
        start, before = time.monotonic(), len(drill.kept())
        while time.monotonic() - start < 60:
            drill.last()
            time.sleep(0.2)
        rest = [c for c in drill.clients if c != 2]
        during = len(drill.kept())
        assert during > before + 20
        drill.signal("hospital-2", signal.SIGCONT)
        end = time.monotonic() + 40
        while drill.last()["survivors"] != list(drill.clients):
            assert time.monotonic() < end, drill.logs()
        kept = drill.kept()
        slow = [done for done in kept[:during] if max(done["waits"].values()) > 0.8 * deadline]
        assert len(slow) <= 1, slow
        assert not [done for done in kept if done["lost"] or done["attempts"] > 1]
        # The round in which it hung may have had its upload already.
        assert all(done["survivors"] == rest for done in kept[before + 1 : during])
        for number, done in enumerate(kept, start=1):
            drill.assert_right(number, done)
