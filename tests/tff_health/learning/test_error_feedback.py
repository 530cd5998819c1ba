"""Client work with a memory: what is sent, what is kept, and when it counts."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from crypto.encoding.fixed_point import FixedPoint
from tests.tff_health.clear_sums import clear_context
from tff_health.data.client_data import KEY_TYPE, client_keys
from tff_health.errors import RunError
from tff_health.learning.error_feedback import with_error_feedback
from tff_health.local.client_memory import ClientMemory
from tff_health.local.sparse_binary import compress_encoded

SIZE = 40
ENCODING = FixedPoint(8, 4.0)


def fixed_update_work():
    """Client work whose update is the sum of the client's data."""

    @tff.federated_computation
    def initialize():
        return tff.federated_value((), tff.SERVER)

    @tff.tensorflow.computation(tff.SequenceType(tff.TensorType(np.float32, [SIZE])))
    def train(data):
        update = data.reduce(tf.zeros([SIZE]), lambda total, vector: total + vector)
        return tff.learning.templates.ClientResult([update[:30], update[30:]], tf.constant(1.0))

    @tff.federated_computation(
        initialize.type_signature.result,
        tff.FederatedType(np.float32, tff.CLIENTS),
        tff.FederatedType(train.type_signature.parameter, tff.CLIENTS),
    )
    def next_work(state, weights, data):
        return tff.templates.MeasuredProcessOutput(
            state, tff.federated_map(train, data), tff.federated_value((), tff.SERVER)
        )

    return tff.learning.templates.ClientWorkProcess(initialize, next_work)


@pytest.fixture(scope="module")
def run(tff_context):
    """From (memory, client -> update, round) to what each client sends."""
    work = with_error_feedback(
        fixed_update_work(), lambda vector: compress_encoded(vector, 0.1, ENCODING)
    )
    both = work.next.type_signature.parameter[2].member
    context = clear_context(tff_context)

    def call(memory, updates, round_number):
        reading = memory.reading()

        @tff.tensorflow.computation(KEY_TYPE, tff.TensorType(np.float32, [SIZE]))
        def data(key, update):
            examples = tf.data.Dataset.from_tensors(update)
            return type(both.python_container())(examples=examples, memory=reading(key))

        @tff.federated_computation(
            tff.FederatedType(KEY_TYPE, tff.CLIENTS),
            tff.FederatedType(tff.TensorType(np.float32, [SIZE]), tff.CLIENTS),
        )
        def send(keys, vectors):
            weights = tff.federated_value(np.float32(0), tff.CLIENTS)
            output = work.next(work.initialize(), weights, tff.federated_map(data, (keys, vectors)))
            return output.result.update

        clients = list(updates)
        remembered = [memory.last_round(client, round_number) for client in clients]
        keys = client_keys(clients, round_number, remembered)
        with tff.framework.get_context_stack().install(context):
            sent = send(keys, [updates[client] for client in clients])
        return {c: np.concatenate(list(s)) for c, s in zip(clients, sent, strict=True)}

    return call


def updates(seed, clients=(3, 5)):
    rng = np.random.default_rng(seed)
    return {client: rng.normal(size=SIZE).astype(np.float32) for client in clients}


def test_what_is_not_sent_is_kept_and_sent_later(run, tmp_path):
    memory = ClientMemory(tmp_path / "memory", SIZE)
    given, sent = dict.fromkeys((3, 5), 0), dict.fromkeys((3, 5), 0)
    for number in range(1, 5):
        new = updates(number)
        found = run(memory, new, number)
        memory.keep((3, 5), number)
        for client in (3, 5):
            values = set(found[client][found[client] != 0])
            assert len(values) == 1
            assert np.count_nonzero(found[client]) == 4
            assert (values.pop() * 256) % 1 == 0  # a number in fixed point
            given[client] += new[client]
            sent[client] += found[client]
            assert memory.last_round(client, number + 1) == number
    # The third round again, as after a kill: from the memory of the second.
    assert {p.name for p in (tmp_path / "memory").iterdir()} == {
        f"kept-{client}-{number}" for client in (3, 5) for number in (3, 4)
    }
    again = run(memory, updates(4), 4)
    for client in (3, 5):
        np.testing.assert_array_equal(again[client], found[client])
    lost = run(memory, dict.fromkeys((3, 5), np.zeros(SIZE, np.float32)), 5)
    memory.keep((3, 5), 5)
    for client in (3, 5):
        kept = given[client] - sent[client]
        np.testing.assert_allclose(_kept(tmp_path, client, 5), kept - lost[client], atol=1e-5)


def _kept(folder, client, number):
    data = (folder / "memory" / f"kept-{client}-{number}").read_bytes()
    return tf.io.parse_tensor(data, tf.float32).numpy()


def test_a_round_that_does_not_count_changes_nothing(run, tmp_path):
    memory = ClientMemory(tmp_path / "memory", SIZE)
    run(memory, updates(1), 1)
    memory.keep((3, 5), 1)
    run(memory, updates(2), 2)  # an attempt that came to nothing
    assert memory.last_round(3, 3) == 1
    run(memory, updates(2, (5,)), 2)
    memory.keep((5,), 2)
    assert (memory.last_round(3, 3), memory.last_round(5, 3)) == (1, 2)
    fresh = ClientMemory(tmp_path / "other", SIZE)
    run(fresh, updates(1, (5,)), 1)


def test_an_update_that_is_not_finite_is_passed_on_and_leaves_the_memory(run, tmp_path):
    memory = ClientMemory(tmp_path / "memory", SIZE)
    run(memory, updates(1), 1)
    memory.keep((3, 5), 1)
    bad = updates(2)
    bad[3][7] = np.nan
    found = run(memory, bad, 2)
    memory.keep((3, 5), 2)
    assert np.isnan(found[3][7])
    np.testing.assert_array_equal(_kept(tmp_path, 3, 2), _kept(tmp_path, 3, 1))
    assert np.isfinite(found[5]).all()


def test_what_is_beyond_the_clip_range_waits(run, tmp_path):
    memory = ClientMemory(tmp_path / "memory", SIZE)
    large = {3: np.zeros(SIZE, np.float32)}
    large[3][:4] = 10.0
    sent = [run(memory, large, 1)[3][0]]
    memory.keep((3,), 1)
    for number in (2, 3):
        sent.append(run(memory, {3: np.zeros(SIZE, np.float32)}, number)[3][0])
        memory.keep((3,), number)
    assert sent == [4.0, 4.0, 2.0]


def test_clients_without_a_memory_begin_with_nothing(tmp_path):
    memory = ClientMemory(tmp_path / "memory", SIZE)
    assert memory.last_round(1, 10) == 0
    with pytest.raises(FileNotFoundError):
        memory.keep((1,), 1)


def test_a_memory_that_was_lost_or_changed_is_missed(run, tmp_path):
    memory = ClientMemory(tmp_path / "memory", SIZE)
    for number in (1, 2):
        run(memory, updates(number), number)
        memory.keep((3, 5), number)
    told = memory.text
    ClientMemory(tmp_path / "memory", SIZE).restore(told)
    ClientMemory(tmp_path / "other", SIZE).restore("")
    path = tmp_path / "memory" / "kept-5-2"
    whole = path.read_bytes()
    for spoilt in (None, b"", whole[:-4], bytes(len(whole))):
        path.unlink()
        if spoilt is not None:
            path.write_bytes(spoilt)
        with pytest.raises(RunError, match=r"what client 5 keeps.*missing or damaged"):
            ClientMemory(tmp_path / "memory", SIZE).restore(told)
        path.write_bytes(whole)
    run(memory, updates(3), 3)  # a round that was killed before its state was kept
    memory.keep((3, 5), 3)
    ClientMemory(tmp_path / "memory", SIZE).restore(told)
