"""The state of a run, and what is kept with it."""

import numpy as np
import pytest

from tff_health.errors import RunError
from tff_health.training.checkpoints import Checkpoints

STATE = {"weights": np.arange(300, dtype=np.float32), "round": 2}
RECORDS = {"metrics.csv": "round,loss\n1,0.5\n", "client memory": "{}", "empty": ""}


def test_a_state_comes_back_with_its_records(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.newest_round() == 0
    for number in (1, 2):
        checkpoints.save(STATE, number, RECORDS)
    assert checkpoints.newest_round() == 2
    assert [path.name for path in tmp_path.iterdir()] == ["round-000002.npz"]
    found = Checkpoints(tmp_path).load(STATE)
    np.testing.assert_array_equal(found["weights"], STATE["weights"])
    assert found["round"] == 2
    assert Checkpoints(tmp_path).records() == RECORDS


@pytest.mark.parametrize("how", ["cut", "empty", "garbled", "one byte", "folder", "array"])
def test_a_damaged_state_is_one_line(tmp_path, how):
    Checkpoints(tmp_path).save(STATE, 1, RECORDS)
    (path,) = tmp_path.iterdir()
    whole = bytearray(path.read_bytes())
    path.unlink()
    if how == "folder":
        path.mkdir()
    elif how == "array":
        with path.open("wb") as file:
            np.save(file, np.arange(3))
    else:
        middle = len(whole) // 2
        whole[middle] ^= 1
        spoilt = {"cut": whole[:middle], "empty": b"", "garbled": b"PK\x03\x04\xff"}
        path.write_bytes(spoilt.get(how, whole))
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.newest_round() == 1
    for use in (checkpoints.records, lambda: checkpoints.load(STATE)):
        with pytest.raises(RunError, match=r"round-000001\.npz is damaged .*start anew"):
            use()


def test_other_files_beside_it_are_left_alone(tmp_path):
    for name in ("round-x.npz", "round-.npz", "notes"):
        (tmp_path / name).write_text("")
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.newest_round() == 0
    checkpoints.save(STATE, 1, {})
    assert checkpoints.newest_round() == 1
    assert len(list(tmp_path.iterdir())) == 4


def test_a_state_of_another_structure_is_refused(tmp_path):
    Checkpoints(tmp_path).save(STATE, 1, RECORDS)
    with pytest.raises(RunError, match="another process"):
        Checkpoints(tmp_path).load({"weights": np.zeros(3, np.float32), "round": 2})
