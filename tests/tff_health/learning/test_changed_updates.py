"""Clients that do some of their steps, and scale their updates."""

import numpy as np

from tests.tff_health.learning.test_client_training import federated, start_of, task_of
from tff_health.data.client_data import client_keys
from tff_health.learning.fedavg import build_fedavg
from tff_health.learning.process import weights_of

__all__ = ["federated", "task_of"]
CLIENTS = [0, 1, 2]
PARTIAL = ("--client_times=equal", "--deadline=1", "--partial_work=fednova", "--batch_size=10")


def trained(task, steps=None, scales=None):
    process = build_fedavg(task)
    state = start_of(process, task)
    keys = client_keys(CLIENTS, 1, (), steps or {}, scales or {})
    output = process.training.next(state, keys)
    before, after = weights_of(state).trainable, weights_of(output.state).trainable
    return [np.subtract(a, b) for a, b in zip(after, before, strict=True)], output.metrics


def test_a_scale_of_one_and_all_steps_change_no_bit(task_of):
    plain, _ = trained(task_of("--batch_size=10"))
    scaled, _ = trained(task_of(*PARTIAL))
    for mine, other in zip(scaled, plain, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_updates_are_averaged_as_they_were_scaled(task_of):
    task = task_of(*PARTIAL)
    alone = [
        trained(task, scales={c: float(c == client) for c in CLIENTS})[0] for client in CLIENTS
    ]
    scales = {0: 2.0, 1: 0.5, 2: 1.0}
    together, _ = trained(task, scales=scales)
    for layer, found in enumerate(together):
        wanted = sum(scales[c] * alone[c][layer] for c in CLIENTS)
        np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=1e-6)


def test_a_client_stops_after_the_steps_that_it_is_given(task_of):
    task = task_of(*PARTIAL)
    (key,) = client_keys([1], 1)
    whole = list(task.training_data(key))
    (key,) = client_keys([1], 1, (), {1: 3})
    some = list(task.training_data(key))
    assert len(some) == 3 < len(whole)
    for mine, other in zip(some, whole, strict=False):
        np.testing.assert_array_equal(mine[0], other[0])
    _, metrics = trained(task, steps={0: 1, 1: 2, 2: 3})
    assert metrics["client_work"]["train"]["num_examples"] == 60
