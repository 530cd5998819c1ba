import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.elgamal.discrete_log import DiscreteLog, solve_slowly
from crypto.elgamal.log_table import LogTable, build
from crypto.errors import CapacityError, ParameterError
from crypto.groups.edwards25519 import EDWARDS25519
from crypto.groups.ffdhe import FFDHE2048, FFDHE3072
from crypto.groups.secp256k1 import SECP256K1

GROUPS = [FFDHE2048, FFDHE3072, EDWARDS25519, SECP256K1]
every_group = pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
SOLVERS = {group.name: DiscreteLog(group, 300) for group in (FFDHE2048, SECP256K1)}


@every_group
@pytest.mark.parametrize("bound", [0, 1, 2, 1000, 2**16])
def test_logarithms_up_to_the_bound_are_found_and_no_others(group, bound):
    solver = DiscreteLog(group, bound)
    for value in {0, 1, bound // 3, bound // 2, bound - 1, bound}:
        if 0 <= value <= bound:
            assert solver.solve(group.generator_power(value)) == value
    for value in (-1, bound + 1, bound + 2, 2 * bound + 3, 2**80, group.order // 2):
        with pytest.raises(CapacityError):
            solver.solve(group.generator_power(value))


@every_group
def test_logarithms_around_every_edge_of_the_steps(group):
    solver = DiscreteLog(group, 2**16)
    stride, reach = solver._stride, solver._reach
    edges = {k * stride + d for k in (0, 1, 2) for d in (-1, 0, 1, reach - 1, reach, reach + 1)}
    for value in edges & set(range(2**16)):
        assert solver.solve(group.generator_power(value)) == value


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(SOLVERS)), st.integers(-50, 400))
def test_it_agrees_with_trying_all(name, value):
    solver = SOLVERS[name]
    element = solver.group.generator_power(value)
    try:
        expected = solve_slowly(solver.group, element, 300)
    except CapacityError:
        with pytest.raises(CapacityError):
            solver.solve(element)
    else:
        assert solver.solve(element) == expected == value


@pytest.mark.parametrize("bound", [-1, 2**40 + 1])
def test_impossible_bounds_are_refused(bound):
    with pytest.raises(ParameterError):
        DiscreteLog(SECP256K1, bound)


def test_collisions_of_truncated_keys_are_noticed():
    solver = DiscreteLog(SECP256K1, 1000)
    steps = np.arange(solver.table.steps, dtype=np.uint64)
    everything_collides = np.zeros_like(steps) | steps
    solver.table = LogTable(solver.table.bits, everything_collides, built=True)
    with pytest.raises(CapacityError):  # hits are verified: a false table finds nothing false
        solver.solve(SECP256K1.generator_power(17))


def test_all_entries_under_one_key_are_candidates():
    table = LogTable(2, np.array([0x10, 0x11, 0x23, 0x32], np.uint64), built=True)
    assert list(table.find(np.array([0x20, 0x13, 0x40], np.uint64))) == [(0, 3), (1, 0), (1, 1)]


class TestCache:
    def file(self, folder):
        (path,) = folder.iterdir()
        return path

    def test_a_table_is_read_back(self, tmp_path):
        folder = tmp_path / "new"
        first = DiscreteLog(SECP256K1, 5000, folder)
        second = DiscreteLog(SECP256K1, 5000, folder)
        assert first.table.built
        assert not second.table.built
        np.testing.assert_array_equal(first.table.words, second.table.words)
        assert second.solve(SECP256K1.generator_power(4999)) == 4999

    def test_the_name_tells_version_group_and_size(self, tmp_path):
        DiscreteLog(SECP256K1, 5000, tmp_path)
        assert self.file(tmp_path).name == "discrete_log-v1-secp256k1-12.bin"

    @pytest.mark.parametrize("position", [0, 40, 100, -1])
    def test_a_damaged_file_is_rebuilt(self, tmp_path, position):
        DiscreteLog(SECP256K1, 100, tmp_path)
        path = self.file(tmp_path)
        whole = path.read_bytes()
        damaged = bytearray(whole)
        damaged[position] ^= 1
        path.write_bytes(damaged)
        assert DiscreteLog(SECP256K1, 100, tmp_path).table.built
        assert path.read_bytes() == whole

    @pytest.mark.parametrize("size", [0, 10, 32, 200])
    def test_a_cut_file_is_rebuilt(self, tmp_path, size):
        DiscreteLog(SECP256K1, 100, tmp_path)
        path = self.file(tmp_path)
        path.write_bytes(path.read_bytes()[:size])
        solver = DiscreteLog(SECP256K1, 100, tmp_path)
        assert solver.table.built
        assert solver.solve(SECP256K1.generator_power(99)) == 99

    def test_a_table_under_a_false_name_is_rebuilt(self, tmp_path):
        DiscreteLog(EDWARDS25519, 100, tmp_path)
        path = self.file(tmp_path)
        path.rename(tmp_path / path.name.replace("edwards25519", "secp256k1"))
        solver = DiscreteLog(SECP256K1, 100, tmp_path)
        assert solver.table.built
        np.testing.assert_array_equal(solver.table.words, build(SECP256K1, 9).words)

    def test_writing_leaves_no_other_files(self, tmp_path):
        DiscreteLog(SECP256K1, 100, tmp_path)
        assert len(list(tmp_path.iterdir())) == 1

    def test_without_a_folder_nothing_is_written(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        DiscreteLog(SECP256K1, 100)
        assert not list(tmp_path.iterdir())
