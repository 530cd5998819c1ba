"""Sites and server against the simulation's own computations: the same bits in every scheme."""

import numpy as np
import pytest

from tests.tff_health.clear_sums import assert_same_bits
from tests.tff_health.roles.simulation_here import Simulation
from tests.tff_health.roles.study import Study, config_of, federated_of
from tff_health.training.mechanism import settle
from tff_health.workers.context import create_context

ROUNDS = 3
VARIED = (
    *("--client_momentum=0.5", "--server_momentum=0.3", "--decay_rounds=4", "--local_epochs=2"),
    *(
        "--train_flips",
        "--train_rotations",
        "--train_colours=0.1",
        "--class_balance=0.5",
        "--normalise",
    ),
    *("--partition=label_noise", "--server_learning_rate=0.9"),
)
PRIVATE = ("--noise_multiplier=1", "--lot_size=64", "--dp_engine=tfp_optimizer")
LOCAL = ("--dp_noise=local", "--noise_seed=7", *PRIVATE)
DISTRIBUTED = ("--dp_noise=distributed", "--local_steps=1", *PRIVATE)
CLIENT = ("--dp_noise=client", "--noise_multiplier=1")
DRAWING = "--model=tests.tff_health.networks:drawing"
LINEAR = "--model=tests.tff_health.learning.test_client_training:linear"
POOLED = "--model=mnist_cnn"
CASES = {
    "bonawitz, all varied": ("bonawitz", LINEAR, *VARIED, "--fraction_bits=40"),
    "bonawitz, layers that draw": ("bonawitz", DRAWING, "--nosecure_metrics"),
    "bonawitz, local noise": ("bonawitz", LINEAR, *LOCAL, "--local_steps=2"),
    "bonawitz, distributed noise": ("bonawitz", LINEAR, *DISTRIBUTED),
    "bonawitz, noise of the server": ("bonawitz", LINEAR, *CLIENT),
    "zhang": ("zhang", LINEAR, "--partition=label_noise", "--quality_distance=signs"),
    "zhang_hardened": ("zhang_hardened", POOLED, "--client_momentum=0.5", "--decay_rounds=4"),
    "fang": ("fang", LINEAR, "--server_momentum=0.5"),
    "fedopt": ("fedopt", LINEAR, "--sparsity=0.05"),
}


@pytest.fixture
def both(tff_context, tmp_path):
    """Makes the simulation of a study, and the study itself."""

    def make(scheme, *given):
        config = config_of(f"--scheme={scheme}", *given)
        federated = federated_of(config)
        privacy = settle(config, federated)
        if privacy is not None and privacy.noise != "local":
            privacy = privacy.with_noise(0.0)  # that of the operating system cannot be had twice
        context = create_context(tff_context)
        simulated = Simulation(config, federated, tmp_path / "simulated", context, privacy)
        if config.privacy.noise == "distributed":  # lots of one key, which is each site's own
            for client in range(3):
                (tmp_path / "apart" / f"site{client}").mkdir(parents=True)
                key = (tmp_path / "simulated" / "noise.key").read_bytes()
                (tmp_path / "apart" / f"site{client}" / "noise.key").write_bytes(key)
        return simulated, Study(config, federated, tmp_path / "apart", privacy)

    return make


@pytest.mark.parametrize("case", CASES)
def test_rounds_have_the_bits_of_the_simulation(both, case):
    simulated, apart = both(*CASES[case])
    assert apart.server.sums.slots == simulated.slots
    assert_same_weights(apart.server.weights, simulated.weights)
    for number in range(1, ROUNDS + 1):
        survivors = [0, 2] if number == 2 and "noise" not in case else [0, 1, 2]
        metrics = simulated.round(number, survivors)
        row = apart.round(number, survivors)
        for ours, theirs in zip(apart.contributed, simulated.contributed, strict=True):
            assert_same_bits(list(ours), [np.asarray(part) for part in theirs])
        assert_same_weights(apart.server.weights, simulated.weights)
        assert_row_tells(row, metrics)


def test_clipping_by_rules_of_layers_differs_in_last_bits_alone(both):
    """Its sums are of arrays that lie anywhere in memory, from which TensorFlow takes its order."""
    simulated, apart = both("bonawitz", POOLED, *LOCAL, "--dp_engine=fast", "--fraction_bits=30")
    simulated.round(1, [0, 1, 2])
    apart.round(1)
    bound = simulated.slots[-1].bound
    for ours, theirs in zip(apart.contributed, simulated.contributed, strict=True):
        for slot, one, other in zip(simulated.slots, ours, theirs, strict=True):
            if slot.kind == "modular":
                steps = (one.astype(np.int64) - other + bound // 2) % bound - bound // 2
                assert np.abs(steps).max() <= 64  # of 2^-30
                assert (steps == 0).mean() > 0.5
            else:
                np.testing.assert_array_equal(one, other)


def assert_same_weights(found, expected):
    assert_same_bits(found.trainable, list(expected.arrays().trainable))
    assert_same_bits(found.non_trainable, list(expected.arrays().non_trainable))


def assert_row_tells(row, metrics):
    train, measured = metrics["client_work"].get("train"), metrics["aggregator"]
    if train and "train_loss" in row:
        assert row["train_loss"] == float(train["loss"])
        assert row["train_accuracy"] == float(train["accuracy"])
    if "clipped_coordinates" in row and "clipped_coordinates" in measured:
        assert row["clipped_coordinates"] == int(measured["clipped_coordinates"])
    if "global_distance" in measured:
        assert row["quality_sum"] == round(float(measured["weight_sum"]), 6)
        np.testing.assert_equal(row["global_distance"], float(measured["global_distance"]))
