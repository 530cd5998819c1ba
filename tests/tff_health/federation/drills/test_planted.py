"""What a site contributes, which is known here, is nowhere to be found but in the site itself."""

import signal

import numpy as np
import pytest

from tests.tff_health.federation.deployment import free_port
from tests.tff_health.federation.drills.drill import LONG, Drill
from tests.tff_health.federation.drills.program import SLOTS, Blow, contribution, plain_sums
from tests.tff_health.federation.memory import found_in, memory
from tests.tff_health.federation.relay import relayed

pytestmark = [pytest.mark.slow, pytest.mark.drill, pytest.mark.timeout(1200 if LONG else 600)]
# When the server's memory is looked at: uploads are there, and the sum is open.
UPLOADED = {"bonawitz": "masked input", "zhang_hardened": "masked input", "fang": "upload"}
LAST = {"bonawitz": "unmasking", "zhang_hardened": "decryption", "fang": "upload"}
FORMS = ("<i8", "<i4", "<u2", ">u2", "<f4")
RUN = 8
ROUND = 3
WATCHED = 2, 5


def forms(values):
    """A few numbers in every form in which they could stand somewhere."""
    for form in FORMS:
        yield form, values.astype(form).tobytes()
    yield "text", ", ".join(map(str, values.tolist())).encode()


def marks_of(tensors, *name):
    """What would give away updates or metrics: runs of their numbers, in every form."""
    found = {}
    for place, tensor in enumerate(tensors):
        numbers = np.ravel(tensor)
        if numbers.size >= RUN:
            start = (numbers.size - RUN) // 2
            for form, mark in forms(numbers[start : start + RUN]):
                found[(*name, place, form)] = mark
    return found


@pytest.mark.parametrize("scheme", tuple(LAST) if LONG else ("bonawitz",))
def test_what_sites_contribute_is_neither_on_the_way_nor_at_the_server(tmp_path, scheme):
    slots = SLOTS[scheme]
    blows = [
        Blow(ROUND, "sum", UPLOADED[scheme], "between", "SIGSTOP"),
        Blow(ROUND, "sum", LAST[scheme], "after", "SIGSTOP"),
        Blow(ROUND, "round", "close", "before", "SIGSTOP"),
    ]
    planted = {}
    for client in WATCHED:
        planted |= marks_of(contribution(client, ROUND, slots), client)
    with Drill(tmp_path, scheme, rounds=ROUND + 1) as drill:
        drill.listen = f"localhost:{free_port()}"
        with relayed(drill.port, int(drill.listen.rpartition(":")[2])) as captured:
            drill.start_server(blows)
            for name in drill.names:
                drill.start(name)
            for blow in blows:
                assert drill.stopped() == "server"
                assert drill.has_struck(blow)
                seen = list(memory(drill.pid("server")))
                assert not found_in(seen, planted), blow
                if blow is blows[-1]:  # the sum is open, and is what may be there
                    total = marks_of(plain_sums(drill.clients, ROUND, slots), "sum")
                    assert found_in(seen, total)
                    assert found_in(memory(drill.pid(f"hospital-{WATCHED[0]}")), planted)
                del seen
                drill.signal("server", signal.SIGCONT)
            drill.assert_over()
        assert [done["survivors"] for done in drill.kept()] == [list(drill.clients)] * (ROUND + 1)
        assert len(captured) > 2 * 5 * ROUND * slots[-1].size
        assert not found_in([bytes(captured)], planted)
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert {path.name for path in files} > {"server.log", "hospital-1.log", "journal.sealed"}
        for path in files:
            assert not found_in([path.read_bytes()], planted), path
