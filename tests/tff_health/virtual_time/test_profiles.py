import math

import numpy as np
import pytest

from tff_health.errors import ConfigError
from tff_health.virtual_time.profiles import Population, Profile, slow_clients
from tff_health.virtual_time.trace import read_trace, write_trace


def drawn(seed=0, **changes):
    given = {
        **{"num_clients": 4000, "slowness_spread": 0.7, "megabits": 50.0, "megabits_spread": 1.0},
        **changes,
    }
    return Population(**given).draw(seed)


def test_an_exchange_is_bytes_over_lines_and_seconds_times_slowness():
    client = Profile(slowness=3.0, megabits_up=2.0, megabits_down=8.0)
    assert client.exchange(1_000_000, 0.5, 500_000) == pytest.approx(1.0 + 1.5 + 2.0)


def test_speeds_and_lines_are_log_normal_with_the_given_medians_and_spreads():
    clients = drawn()
    slowness = np.log([client.slowness for client in clients])
    up = np.log([client.megabits_up for client in clients])
    down = np.log([client.megabits_down for client in clients])
    assert np.median(slowness) == pytest.approx(0, abs=0.05)
    assert slowness.std() == pytest.approx(0.7, rel=0.05)
    for line in (up, down):
        assert np.median(line) == pytest.approx(math.log(50), abs=0.08)
        assert line.std() == pytest.approx(1.0, rel=0.05)
    assert abs(np.corrcoef(up, down)[0, 1]) < 0.06
    assert abs(np.corrcoef(up, slowness)[0, 1]) < 0.06


def test_the_same_seed_draws_the_same_clients_and_another_seed_others():
    assert drawn(3, num_clients=5) == drawn(3, num_clients=5)
    assert drawn(3, num_clients=5) != drawn(4, num_clients=5)


def test_the_last_clients_are_the_slow_ones():
    fast = drawn(num_clients=10)
    some = drawn(num_clients=10, slow_share=0.3, slow_factor=10.0)
    assert list(slow_clients(10, 0.3)) == [7, 8, 9]
    for client, (before, after) in enumerate(zip(fast, some, strict=True)):
        factor = 10 if client in slow_clients(10, 0.3) else 1
        assert after.slowness == pytest.approx(factor * before.slowness)
        assert after.megabits_up == before.megabits_up


@pytest.mark.parametrize(("share", "slow"), [(0.0, 0), (0.04, 0), (0.05, 1), (0.1, 1), (1.0, 10)])
def test_shares_of_slow_clients_are_rounded(share, slow):
    assert len(slow_clients(10, share)) == slow


def test_a_client_is_on_for_its_share_of_every_period():
    client = Profile(share_on=0.25, on_from=0.5)
    moments = np.arange(0, 300, 0.5)  # three periods of 100
    on = np.array([client.seconds_until_on(at, 100.0) == 0 for at in moments])
    assert on.mean() == pytest.approx(0.25, abs=0.01)
    assert client.seconds_until_on(20.0, 100.0) == pytest.approx(30.0)
    assert client.seconds_until_on(50.0, 100.0) == 0.0
    assert client.seconds_until_on(80.0, 100.0) == pytest.approx(70.0)


def test_drawn_clients_are_read_back_as_they_were(tmp_path):
    clients = drawn(num_clients=7, share_on=0.5)
    path = tmp_path / "clients.csv"
    path.write_text(write_trace(clients))
    assert read_trace(path, 7) == clients
    assert read_trace(path, 3) == clients[:3]


HEADING = "client,slowness,megabits_up,megabits_down"


def read(tmp_path, text, num_clients=2):
    path = tmp_path / "trace.csv"
    path.write_text(text)
    return read_trace(path, num_clients)


def test_columns_of_hours_may_be_left_out_and_rows_come_in_any_order(tmp_path):
    clients = read(tmp_path, f"{HEADING}\n1,2,3,4\n\n0,1.5,10,20\n")
    assert clients == (Profile(1.5, 10, 20), Profile(2, 3, 4))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "its columns are none"),
        ("client,slowness\n0,1\n", "there must be client, slowness, megabits_up, megabits_down"),
        (f"{HEADING},colour\n0,1,1,1,red\n", "its columns are .*colour"),
        (f"{HEADING}\n0,1,1\n", "line 2: 3 cells, and there are 4 columns"),
        (f"{HEADING}\n0,1,1,1\n0,1,1,1\n1,1,1,1\n", "line 3: client 0 has a row already"),
        (f"{HEADING}\nzero,1,1,1\n", "line 2: client 'zero' must be a number from 0 on"),
        (f"{HEADING}\n-1,1,1,1\n", "line 2: client '-1'"),
        (f"{HEADING}\n0,fast,1,1\n", "line 2: slowness 'fast' must be a number"),
        (f"{HEADING}\n0,0,1,1\n", "line 2: slowness 0 must be above 0 and finite"),
        (f"{HEADING}\n0,nan,1,1\n", "line 2: slowness nan"),
        (f"{HEADING}\n0,1,inf,1\n", "line 2: megabits_up inf"),
        (f"{HEADING},share_on\n0,1,1,1,1.5\n", "line 2: share_on 1.5 must be above 0 and at most"),
        (f"{HEADING},on_from\n0,1,1,1,1\n", "line 2: on_from 1 must be from 0 to below 1"),
        (f"{HEADING}\n0,1,1,1\n", "clients 1 have no row: it must have one row for each of 2"),
    ],
)
def test_bad_rows_are_told_with_their_lines(tmp_path, text, said):
    with pytest.raises(ConfigError, match=said):
        read(tmp_path, text)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "trace.csv"
    path.write_bytes(b"\xff\xfe\x00client")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_trace(path, 1)
