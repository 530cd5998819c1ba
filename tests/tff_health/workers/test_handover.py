"""Large tensors as files: the same values as by messages, and no file is left."""

import gc
from collections import OrderedDict

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.workers import file_tensors
from tff_health.workers.context import create_context
from tff_health.workers.worker import LocalWorker

CLIENTS, SERVER = tff.CLIENTS, tff.SERVER
MODEL = OrderedDict(kernel=tff.TensorType(np.float32, [3, 5]), bias=tff.TensorType(np.int64, [7]))
STATE = OrderedDict(model=MODEL, round=np.int32)


@tff.tensorflow.computation(STATE)
def doubled(state):
    return OrderedDict(
        model=tf.nest.map_structure(lambda x: x * 2, state["model"]), round=state["round"] + 1
    )


@tff.tensorflow.computation(tff.SequenceType(np.int32), MODEL)
def times_total(numbers, model):
    total = numbers.reduce(0, tf.add)
    return tf.nest.map_structure(lambda x: x * tf.cast(total, x.dtype), model)


@tff.federated_computation(
    tff.FederatedType(tff.SequenceType(np.int32), CLIENTS), tff.FederatedType(MODEL, SERVER)
)
def work(data, model):
    return tff.federated_map(times_total, (data, tff.federated_broadcast(model)))


@tff.federated_computation(
    tff.FederatedType(STATE, SERVER), tff.FederatedType(tff.SequenceType(np.int32), CLIENTS)
)
def training_round(state, data):
    model = tff.federated_map(
        tff.tensorflow.computation(lambda state: state["model"], STATE), state
    )
    total = tff.federated_sum(work(data, model))
    return tff.federated_map(doubled, state), total


@tff.tensorflow.computation
def constant():
    return tf.reshape(tf.range(15.0), (3, 5))


@tff.tensorflow.computation(MODEL)
def size(model):
    return tf.size(model["kernel"]) + tf.size(model["bias"])


def state():
    rng = np.random.default_rng(0)
    model = OrderedDict(
        kernel=rng.normal(size=(3, 5)).astype(np.float32), bias=rng.integers(-(2**60), 2**60, 7)
    )
    return OrderedDict(model=model, round=np.int32(4))


CALLS = {
    "no placement": (doubled, lambda: [state()]),
    "at clients": (work, lambda: [[[1, 2], [3], []], state()["model"]]),
    "a round": (training_round, lambda: [state(), [[1, 2], [3], []]]),
    "no argument": (constant, list),
    "a small result": (size, lambda: [state()["model"]]),
}


def flat(value):
    return [np.asarray(leaf) for leaf in tf.nest.flatten(value)]


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    with LocalWorker(tmp_path_factory.mktemp("worker") / "worker.log", concurrency=2) as worker:
        yield worker


@pytest.fixture
def run(worker, monkeypatch):
    """Runs a computation; with files for tensors from so many bytes on."""

    def run(computation, arguments, large_bytes):
        monkeypatch.setattr(file_tensors, "LARGE_BYTES", large_bytes)
        with tff.framework.get_context_stack().install(create_context(worker)):
            return computation(*arguments)

    return run


def files(worker):
    gc.collect()
    return [path.name for path in worker.files.glob("*")] if worker.files.exists() else []


@pytest.mark.parametrize("name", CALLS)
def test_files_hold_what_messages_hold(name, run, worker):
    computation, arguments = CALLS[name]
    by_message = run(computation, arguments(), 1 << 20)
    assert not files(worker)
    by_file = run(computation, arguments(), 1)
    tf.nest.assert_same_structure(by_message, by_file)
    for one, other in zip(flat(by_message), flat(by_file), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", CALLS)
def test_no_file_outlives_the_arrays_that_are_mapped_from_it(name, run, worker):
    computation, arguments = CALLS[name]
    result = run(computation, arguments(), 1)
    mapped = sum(isinstance(leaf, np.memmap) for leaf in tf.nest.flatten(result))
    assert (mapped > 0) == (name != "a small result")
    assert len(files(worker)) == mapped
    del result
    assert not files(worker)


def test_what_came_as_a_file_goes_back_as_that_file(worker, monkeypatch):
    monkeypatch.setattr(file_tensors, "LARGE_BYTES", 1)
    with tff.framework.get_context_stack().install(create_context(worker)):
        first = doubled(state())
        monkeypatch.setattr("tensorflow.io.write_file", None)  # nothing is written here any more
        second = doubled(first)
    np.testing.assert_array_equal(second["model"]["kernel"], 4 * state()["model"]["kernel"])


def test_a_view_of_what_came_as_a_file_is_written_anew(run):
    kernel = run(constant, [], 1)
    bias = np.arange(7)
    turned = OrderedDict(kernel=kernel.reshape(5, 3).T, bias=bias)
    found = run(work, [[[1, 2]], turned], 1)[0]["kernel"]
    np.testing.assert_array_equal(found, 3 * kernel.reshape(5, 3).T)


def test_results_cannot_be_written_to(run):
    with pytest.raises(ValueError, match="read-only"):
        run(constant, [], 1)[0, 0] = 1.0


def test_files_are_for_their_user_alone(run, worker):
    result = run(constant, [], 1)
    assert worker.files.stat().st_mode & 0o777 == 0o700
    del result


def test_arrays_outlive_the_worker(tmp_path, monkeypatch):
    monkeypatch.setattr(file_tensors, "LARGE_BYTES", 1)
    with (
        LocalWorker(tmp_path / "log", 1) as worker,
        tff.framework.get_context_stack().install(create_context(worker)),
    ):
        result = constant()
    assert not worker.files.exists()
    np.testing.assert_array_equal(result, np.arange(15.0).reshape(3, 5))


def test_what_a_killed_process_left_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(file_tensors, "LARGE_BYTES", 1)
    with LocalWorker(tmp_path / "log", 1) as worker:
        worker.files.mkdir()
        (worker.files / "7-0").write_text("left")
        with tff.framework.get_context_stack().install(create_context(worker)):
            result = constant()
        assert "7-0" not in files(worker)
        del result


def test_a_failed_computation_leaves_no_file(run, worker):
    @tff.tensorflow.computation(MODEL)
    def fail(model):
        with tf.control_dependencies([tf.debugging.Assert(False, ["on purpose"])]):
            return tf.identity(model["kernel"])

    with pytest.raises(Exception, match="on purpose"):
        run(fail, [state()["model"]], 1)
    assert not files(worker)
