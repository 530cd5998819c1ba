"""Links that are long, lose packets, or are cut: between network namespaces, with real packets."""

import subprocess
import time

import pytest

from tests.tff_health.federation.drills.drill import LONG, Drill
from tests.tff_health.federation.drills.long_link import NEAR, long_link

pytestmark = [pytest.mark.slow, pytest.mark.drill]


class LinkedDrill(Drill):
    """A drill whose server is at the near end of a link, and some sites at the far end.

    Args:
        link: the link.
        far: names of those sites.
    """

    host = NEAR

    def __init__(self, *arguments, link, far, **options):
        self.link, self.far = link, far
        super().__init__(*arguments, **options)

    def command(self, name, arguments):
        space = self.link.far if name in self.far else self.link.near
        return ["ip", "netns", "exec", space, *super().command(name, arguments)]


class ImpatientDrill(LinkedDrill):
    """One in which training, too, has a short deadline."""

    training_seconds = 2


def namespaces():
    return subprocess.run(["ip", "netns"], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    "scheme", ["bonawitz", "zhang", "zhang_hardened"] if LONG else ["bonawitz"]
)
def test_a_round_trip_of_200_ms_and_a_loss_of_2_per_cent(tmp_path, scheme):
    with long_link(delay=0.1, loss=0.02) as link:
        sites = [f"hospital-{number}" for number in range(1, 6)]
        with LinkedDrill(tmp_path, scheme, rounds=3, link=link, far=sites) as drill:
            drill.start_all()
            drill.assert_over()
            kept = drill.kept()
            assert [done["survivors"] for done in kept] == [list(drill.clients)] * 3
            assert max(max(done["waits"].values()) for done in kept) < 30
            assert min(done["waits"]["masked input"] for done in kept) > 0.2
            assert link.lost > 0
    assert link.near not in namespaces()


def test_a_link_that_is_cut_and_healed(tmp_path):
    """A site behind it costs one deadline, once, and is back in a round when it is healed."""
    deadline = ImpatientDrill.training_seconds
    with long_link() as link:
        far = ["hospital-3"]
        options = {"rounds": 4000, "stage_seconds": deadline, "link": link, "far": far}
        with ImpatientDrill(tmp_path, "bonawitz", **options) as drill:
            drill.start_all()
            drill.wait_for_round(2)
            link.is_cut = True
            cut = time.monotonic()
            rest = [c for c in drill.clients if c != 3]
            seen = len(drill.kept())
            while drill.kept()[-1]["survivors"] != rest:
                assert time.monotonic() - cut < 20, drill.logs()
                time.sleep(0.05)
            healed = len(drill.kept())
            drill.wait_for_round(healed + 5)
            link.is_cut = False
            start = time.monotonic()
            while drill.kept()[-1]["survivors"] != list(drill.clients):
                assert time.monotonic() - start < 30, drill.logs()
                time.sleep(0.05)
            waits = [max(done["waits"].values()) for done in drill.kept()[seen:]]
            assert len([seconds for seconds in waits if seconds > 0.8 * deadline]) <= 1, waits
            assert max(waits) < deadline + 1.5
            for number, done in enumerate(drill.kept()[:-1], start=1):
                drill.assert_right(number, done)
