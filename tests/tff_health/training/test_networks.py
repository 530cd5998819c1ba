"""Networks that are no chains, and clients that train in vain, in every scheme."""

from contextlib import ExitStack

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_health.clear_sums import assert_same_bits
from tests.tff_health.training.test_secure_train import WorkerService
from tff_health.data.client_data import client_keys
from tff_health.data.federated import federate
from tff_health.data.images import LabelledImages
from tff_health.data.pack import pack_clients
from tff_health.data.partition import PartitionSpec
from tff_health.errors import ConfigError, RunError
from tff_health.flags import parse
from tff_health.measurements.plain_traffic import Traffic
from tff_health.secure_aggregation.secure_context import SecureContext
from tff_health.training.broken_updates import check_updates
from tff_health.training.checkpoints import Checkpoints
from tff_health.training.cohorts import Cohort
from tff_health.training.mechanism import settle
from tff_health.training.round_runner import RoundRunner
from tff_health.training.run import build_protocol
from tff_health.training.scheme_training import build_process
from tff_health.training.task import build_task
from tff_health.workers.context import create_context
from tff_health.workers.pool import WorkerPool, open_pool

CLIENTS = 4
BROKEN = 3
SCHEMES = ("fedavg", "bonawitz", "fedopt", "fang", "zhang", "zhang_hardened")
GIVEN = (
    "--dataset=digits",
    "--model=tests.tff_health.networks:residual",
    f"--num_clients={CLIENTS}",
    "--learning_rate=0.1",
)


@pytest.fixture(scope="module")
def federated():
    """Four clients; the images of the last are white everywhere."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 120).astype(np.uint8)
    pixels = rng.integers(0, 128, (120, 6, 6, 1)) + 50 * labels[:, None, None, None]
    images = LabelledImages(
        name="digits",
        form="made by a test",
        pixels=pixels.astype(np.uint8),
        labels=labels,
        class_names=tuple("abc"),
    )
    shared_out = federate(images, "clean", 0, PartitionSpec("iid", CLIENTS), seed=0)
    images.pixels[shared_out.clients[BROKEN].training.rows] = 255
    return shared_out


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    services = [WorkerService(), WorkerService()]
    with ExitStack() as stack:
        for service in services:
            stack.callback(service.end)
        addresses = [service.address for service in services]
        yield stack.enter_context(open_pool(addresses, tmp_path_factory.mktemp("log") / "log", 1))


class Run:
    """A scheme's process, with contexts over one worker here and over two elsewhere."""

    def __init__(self, given, federated, folder, worker, two_workers):
        self.config = parse(["run_experiments.py", *GIVEN, *given], {}).config
        privacy = settle(self.config, federated)
        self.task = build_task(self.config, federated, folder, privacy)
        pack_clients(federated, folder / "clients", lambda *_: None)
        self.process = build_process(self.config.run.scheme, self.task)
        protocol = build_protocol(self.config, folder.parent / "cache")
        self.here = SecureContext(WorkerPool([worker]), protocol)
        self.elsewhere = SecureContext(two_workers, protocol)
        # A computation without secure sums is taken apart for two workers alone.
        self.elsewhere._splits = self.here._splits if self.here.stages else {}
        with self.installed(self.here):
            training = self.process.training
            self.start = training.set_model_weights(
                training.initialize(), self.task.initial_weights
            )

    @staticmethod
    def installed(context):
        return tff.framework.get_context_stack().install(context)

    def round(self, state, number, clients, context=None):
        """Runs one round with these clients; returns the state and the row of metrics.csv."""
        context = context or self.here
        runner = RoundRunner(
            self.process, self.config, context, Traffic.of(self.task.initial_weights), False
        )
        with pytest.MonkeyPatch.context() as patch, self.installed(context):
            patch.setattr(
                "tff_health.training.round_runner.draw_cohort",
                lambda *_: Cohort(tuple(clients), {}),
            )
            done = runner.run(state, number)
        return done.state, done.row


@pytest.fixture(scope="module", params=SCHEMES)
def run(request, federated, tmp_path_factory, tff_context, two_workers):
    folder = tmp_path_factory.mktemp("networks") / request.param
    return Run((f"--scheme={request.param}",), federated, folder, tff_context, two_workers)


@pytest.mark.drill
def test_they_train_and_go_on_elsewhere(run, tmp_path):
    first, row = run.round(run.start, 1, range(3))
    assert row["train_loss"] > 0
    second, _ = run.round(first, 2, range(3))
    moved = [np.abs(a - b).max() for a, b in zip(weights(second), weights(first), strict=True)]
    assert max(moved) > 0
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    checkpoints.save(first, 1, {})
    again, _ = run.round(checkpoints.load(run.start), 2, range(3), run.elsewhere)
    assert_same_bits(weights(again), weights(second))


def test_a_client_whose_update_is_not_finite_leaves_the_mean_of_the_others(run):
    without, wanted = run.round(run.start, 1, range(3))
    found, row = run.round(run.start, 1, range(4))
    assert_same_bits(weights(found), weights(without))
    assert (row["non_finite_updates"], wanted["non_finite_updates"]) == (1, 0)
    assert row["train_loss"] == wanted["train_loss"]
    assert check_updates(1, row) == "1 of 4 updates not finite"
    if "quality_sum" in row:
        assert row["quality_sum"] == wanted["quality_sum"] == 3
    # In later rounds quality looks at the last update, which zeros would be near to.
    later, _ = run.round(without, 2, range(3))
    found, row = run.round(without, 2, range(4))
    assert_same_bits(weights(found), weights(later))
    assert row["non_finite_updates"] == 1


def test_when_no_update_is_finite_training_ends(run):
    model = run.start.global_model_weights
    lost = tf.nest.map_structure(lambda weight: np.full_like(weight, np.nan), model)
    with run.installed(run.here):
        state = run.process.training.set_model_weights(run.start, lost)
    what = "round 5: the updates of all 4 clients are not finite .*the state after round 4 is kept"
    with pytest.raises(RunError, match=what):
        run.round(state, 5, range(4))


PRIVATE = ("--epsilon=5", "--lot_size=10", "--local_steps=2", "--clipping_norm=0.1")


OWN_LAYERS = "--dp_engine=tfp_optimizer"


@pytest.mark.parametrize("scheme", ["fedavg", "zhang"])
def test_with_local_noise_the_same_holds(scheme, federated, tmp_path, tff_context, two_workers):
    given = (f"--scheme={scheme}", "--dp_noise=local", "--noise_seed=1", *PRIVATE, OWN_LAYERS)
    run = Run(given, federated, tmp_path / "run", tff_context, two_workers)
    without, _ = run.round(run.start, 1, range(3))
    found, row = run.round(run.start, 1, range(4))
    assert_same_bits(weights(found), weights(without))
    assert row["non_finite_updates"] == 1


def test_with_noise_over_the_sum_who_is_broken_stays_private(
    federated, tmp_path, tff_context, two_workers
):
    noise = ("--dp_noise=distributed", *PRIVATE, "--local_steps=1", OWN_LAYERS)
    given = ("--scheme=bonawitz", *noise)
    run = Run(given, federated, tmp_path / "run", tff_context, two_workers)
    after, row = run.round(run.start, 1, range(4))
    assert all(np.isfinite(weight).all() for weight in weights(after))
    assert "non_finite_updates" not in row
    assert run.here.last_round.survivors == (0, 1, 2, 3)


def test_skip_connections_train_privately_in_one_pass(
    federated, tmp_path, tff_context, two_workers
):
    model = "--model=tests.tff_health.networks:private_residual"
    given = ("--scheme=bonawitz", "--dp_noise=local", *PRIVATE, model)
    run = Run(given, federated, tmp_path / "run", tff_context, two_workers)
    after, _ = run.round(run.start, 1, range(3))
    assert max(np.abs(a - b).max() for a, b in zip(weights(after), weights(run.start), strict=True))


def test_own_layers_whose_gradients_cannot_be_clipped_are_named(federated, tmp_path):
    given = ("--scheme=bonawitz", "--dp_noise=local", *PRIVATE)
    config = parse(["run_experiments.py", *GIVEN, *given], {}).config
    with pytest.raises(ConfigError, match="Own"):
        build_task(config, federated, tmp_path, settle(config, federated))


DRAWING = "--model=tests.tff_health.networks:drawing"


@pytest.mark.drill
@pytest.mark.parametrize(
    "noise", [(), ("--dp_noise=local", "--noise_seed=1", *PRIVATE, OWN_LAYERS)]
)
@pytest.mark.parametrize("scheme", ["fedavg", "zhang"])
def test_what_layers_draw_follows_from_seed_client_and_round(
    scheme, noise, federated, tmp_path, tff_context, two_workers
):
    given = (f"--scheme={scheme}", *noise, DRAWING)
    found = []
    for name in "ab":
        run = Run(given, federated, tmp_path / name, tff_context, two_workers)
        first, _ = run.round(run.start, 1, range(3))
        second, _ = run.round(first, 2, range(3))
        elsewhere, _ = run.round(first, 2, range(3), run.elsewhere)
        assert_same_bits(weights(elsewhere), weights(second))
        found.append(second)
    assert_same_bits(weights(found[1]), weights(found[0]))


@pytest.mark.parametrize("seed", ["--seed=0", "--seed=1"])
def test_what_layers_draw_differs_between_seeds_and_rounds(seed, federated, tmp_path, tff_context):
    given = ["run_experiments.py", *GIVEN, "--scheme=bonawitz", DRAWING, seed]
    task = build_task(parse(given, {}).config, federated, tmp_path)
    pack_clients(federated, tmp_path / "clients", lambda *_: None)
    (keyed,) = client_keys([0], 1)
    streams = []
    with Run.installed(create_context(tff_context)):
        for number in (1, 2):
            keyed["round"] = np.int64(number)
            streams += [tuple(batch[2].numpy()) for batch in task.training_data(keyed)]
    assert len(set(streams)) == len(streams)


@pytest.mark.parametrize(
    ("function", "named"), [("poisson", "RandomPoissonV2"), ("traced", "tf.function")]
)
def test_what_cannot_be_seeded_is_named(function, named, federated, tmp_path):
    model = f"--model=tests.tff_health.networks:{function}"
    config = parse(["run_experiments.py", *GIVEN, "--scheme=bonawitz", model], {}).config
    with pytest.raises(ConfigError, match=f"cannot be seeded.*{named}|{named}.*cannot be seeded"):
        build_task(config, federated, tmp_path)


def weights(state):
    return [np.asarray(weight) for weight in state.global_model_weights.trainable]
