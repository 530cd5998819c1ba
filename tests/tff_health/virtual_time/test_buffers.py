import pytest

from tff_health.virtual_time.buffers import Buffers, Work, staleness_weight

SECONDS = {0: 1.0, 1: 1.5, 2: 10.0, 3: 1.25}  # exact, so that what is done at once is too


def events(buffers, size, count):
    """Runs so many buffers in which whoever is free begins anew; returns members and ages."""
    found = []
    for _ in range(count):
        free = [client for client in SECONDS if client not in buffers.busy]
        buffers.start(free, SECONDS.get)
        taken = buffers.fill(size)
        found.append({work.client: buffers.version - work.version for work in taken})
        buffers.close(0.0)
    return found


def replayed(size, count):
    """The same by going through time in small steps."""
    step, now, version, found = 0.25, 0, 0, []
    done_at = {client: round(seconds / step) for client, seconds in SECONDS.items()}
    given = dict.fromkeys(SECONDS, 0)
    while len(found) < count:
        done = sorted((at, client) for client, at in done_at.items() if at <= now)
        if len(done) >= size:
            members = [client for _, client in done[:size]]
            found.append({client: version - given[client] for client in members})
            version += 1
            for client in members:
                given[client], done_at[client] = version, now + round(SECONDS[client] / step)
        else:
            now += 1
    return found


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_buffers_are_those_of_going_through_time_in_small_steps(size):
    assert events(Buffers(), size, 30) == replayed(size, 30)


def test_who_is_slow_brings_an_old_model_and_nobody_waits_for_it():
    buffers = Buffers()
    found = events(buffers, 3, 8)
    assert [2 in members for members in found] == [False] * 6 + [True, False]
    assert found[6][2] == 6
    assert all(age == 0 for members in found[:6] for age in members.values())
    assert 10.0 < buffers.now < 13.0


def test_all_clients_in_a_buffer_are_synchronous_rounds():
    assert events(Buffers(), 4, 5) == [dict.fromkeys((0, 3, 1, 2), 0)] * 5


def test_no_client_is_twice_in_a_buffer_and_has_a_version_once():
    buffers, seen = Buffers(), set()
    for members in events(buffers, 2, 40):
        assert len(members) == 2
    assert buffers.version == 40
    buffers = Buffers()
    for _ in range(40):
        buffers.start([c for c in SECONDS if c not in buffers.busy], SECONDS.get)
        taken = {(work.client, work.version) for work in buffers.fill(2)}
        assert not taken & seen
        seen |= taken
        buffers.close(0.1)


def test_time_goes_on_to_the_last_of_a_buffer_and_never_back():
    buffers = Buffers()
    buffers.start([0, 1, 3], SECONDS.get)
    assert [work.client for work in buffers.fill(2)] == [0, 3]
    assert buffers.now == 1.25
    buffers.close(5.0)  # meanwhile client 1 was done
    buffers.start([0], SECONDS.get)
    assert buffers.fill(1) == (Work(1.5, 1, 0),)
    assert buffers.now == 6.25
    assert buffers.versions == {1}


def test_the_work_of_excluded_clients_is_dropped():
    buffers = Buffers()
    buffers.start(SECONDS, SECONDS.get)
    assert [work.client for work in buffers.fill(2, excluded={0})] == [3, 1]
    assert buffers.busy == {2}


def test_a_kept_state_goes_on_in_the_same_way():
    first, second = Buffers(), Buffers()
    events(first, 3, 5)
    second.restore(first.text)
    assert second.text == first.text
    assert events(first, 3, 9) == events(second, 3, 9)


@pytest.mark.parametrize(("age", "weight"), [(0, 1.0), (3, 0.5), (8, 1 / 3)])
def test_old_models_count_less(age, weight):
    assert staleness_weight("root", age) == pytest.approx(weight)
    assert staleness_weight("none", age) == 1.0


def test_an_unknown_weight_is_refused():
    with pytest.raises(ValueError, match="'cubic' is none of none, root"):
        staleness_weight("cubic", 1)
