"""What sites and server refuse, keep over a restart, and make of data of a site's own."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

from tests.tff_health.clear_sums import assert_same_bits
from tests.tff_health.roles.study import Study, config_of, federated_of, plain_sums
from tff_health.data.federated import hold
from tff_health.data.images import LabelledImages
from tff_health.errors import ConfigError, DataError, RunError
from tff_health.local.network import METRIC_DTYPES
from tff_health.roles.broadcast import Broadcast
from tff_health.roles.server import ServerTraining
from tff_health.roles.site import SiteTraining
from tff_health.training.data_facts import DataFacts

LINEAR = "--model=tests.tff_health.learning.test_client_training:linear"


@pytest.fixture(scope="module")
def federated():
    return federated_of(config_of("--scheme=bonawitz", LINEAR))


@pytest.fixture
def study_of(federated, tmp_path):
    def make(*given, folder="study"):
        return Study(config_of(LINEAR, *given), federated, tmp_path / folder)

    return make


@pytest.mark.parametrize(
    "given", [("fedopt", "--sparsity=0.2"), ("zhang", "--server_momentum=0.5")]
)
def test_all_go_on_after_a_restart_with_the_same_bits(study_of, given):
    scheme, *flags = given
    flags = (f"--scheme={scheme}", *flags)
    whole, stopped = study_of(*flags), study_of(*flags, folder="stopped")
    for number in (1, 2):
        whole.round(number)
        stopped.round(number)
    kept = stopped.server.to_bytes()
    stopped.sites[0].contribute(stopped.server.broadcast(), 3)  # a round that came to nothing
    again = study_of(*flags, folder="stopped")
    again.server.restore(kept)
    assert again.server.updates == 2
    for number in (3, 4):
        assert again.round(number) == whole.round(number)
    assert_same_bits(again.server.weights.trainable, whole.server.weights.trainable)


def test_what_is_kept_counts_once_and_only_if_the_round_did(study_of):
    study = study_of("--scheme=fedopt", "--sparsity=0.2")
    site, sent = study.sites[0], study.server.broadcast()
    first = site.contribute(sent, 1)
    site.keep(1)
    site.keep(1)  # told twice
    second = site.contribute(sent, 2)
    assert_same_bits(site.contribute(sent, 2), second)  # not told that it counted
    assert any(not np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    fresh = study_of("--scheme=fedopt", "--sparsity=0.2", folder="fresh").sites[0]
    without = fresh.contribute(sent, 2)
    assert any(not np.array_equal(a, b) for a, b in zip(without, second, strict=True))
    with pytest.raises(FileNotFoundError):
        fresh.keep(5)


def test_a_state_of_another_study_or_damaged_is_refused(study_of):
    server = study_of("--scheme=bonawitz").server
    kept = server.to_bytes()
    other = study_of("--scheme=zhang", folder="other").server
    with pytest.raises(DataError):
        other.restore(kept)
    with pytest.raises(DataError):
        server.restore(kept[:-1])


def test_a_broadcast_for_another_scheme_or_model_is_refused(study_of):
    site = study_of("--scheme=bonawitz").sites[0]
    quality = study_of("--scheme=zhang", folder="other").server.broadcast()
    with pytest.raises(DataError, match="another scheme"):
        site.contribute(quality, 1)
    own = study_of("--scheme=bonawitz", folder="again").server.broadcast()
    smaller = own.weights._replace(trainable=[w[:1] for w in own.weights.trainable])
    with pytest.raises(DataError, match="trainable weights"):
        site.contribute(dataclasses.replace(own, weights=smaller), 1)


def test_bytes_of_a_broadcast_are_read_back_and_no_others(study_of):
    sent = study_of("--scheme=zhang").server.broadcast()
    data = sent.to_bytes()
    read = Broadcast.from_bytes(data)
    assert (read.updates, read.digest()) == (sent.updates, sent.digest())
    assert_same_bits(list(read.extras), list(sent.extras))
    for spoilt in (b"", data[:-1], data + b"\0", data[:20], b"x" + data[1:]):
        with pytest.raises(DataError):
            Broadcast.from_bytes(spoilt)
    later = dataclasses.replace(sent, updates=1)
    assert later.digest() != sent.digest()


def test_validation_is_summed_over_all_sites(study_of):
    study = study_of("--scheme=bonawitz")
    told = study.validation()
    single = []
    for site in study.sites:
        sums = plain_sums(
            study.server.sums.validation_slots, [site.validate(study.server.broadcast())]
        )
        single.append(study.server.validated(sums)["validation_accuracy"])
    assert min(single) <= told["validation_accuracy"] <= max(single)
    assert told["validation_loss"] > 0


def test_a_round_in_which_no_update_is_finite_leaves_the_model(federated, tmp_path):
    config = config_of("--scheme=bonawitz", LINEAR)
    server = ServerTraining(config, DataFacts.of(federated), tmp_path)
    before = server.weights
    broken = [tf.fill(weight.shape, math.nan) for weight in before.trainable]
    nothing = {name: [tf.zeros((), t) for t in kinds] for name, kinds in METRIC_DTYPES.items()}
    given = [server.sums.contribute(broken, 1, nothing) for _ in range(3)]
    with pytest.raises(RunError, match="all 3 clients are not finite"):
        server.apply(plain_sums(server.sums.slots, given), 3, 1)
    assert_same_bits(server.weights.trainable, before.trainable)
    assert server.updates == 0


def test_facts_that_a_site_does_not_meet_are_refused(federated, tmp_path):
    config, facts = config_of("--scheme=bonawitz", LINEAR), DataFacts.of(federated)
    for change, told in (
        ({"most_examples": 10}, "allows a client 10"),
        ({"fewest_units": 10**6}, "too little"),
        ({"class_names": ("a", "b")}, "class_names"),
        ({"image_shape": (8, 8, 1)}, "image_shape"),
    ):
        other = dataclasses.replace(facts, **change)
        with pytest.raises(DataError, match=told):
            SiteTraining(config, other, federated.of_client(0), 0, tmp_path)
    assert DataFacts.from_dict(facts.as_dict()) == facts
    with pytest.raises(DataError):
        DataFacts.from_dict({**facts.as_dict(), "more": 1})
    with pytest.raises(DataError):
        DataFacts.from_dict({})


def test_a_scheme_without_secure_sums_is_refused(federated, tmp_path):
    with pytest.raises(ConfigError, match="nothing but secure sums"):
        ServerTraining(config_of("--scheme=fedavg", LINEAR), DataFacts.of(federated), tmp_path)


def test_a_server_without_test_images_says_so(federated, tmp_path):
    server = ServerTraining(
        config_of("--scheme=bonawitz", LINEAR), DataFacts.of(federated), tmp_path
    )
    with pytest.raises(RunError, match="no test images"):
        server.evaluate()


def test_a_site_trains_on_all_images_of_its_own(tmp_path):
    rng = np.random.default_rng(0)
    images = LabelledImages(
        name="own",
        form="made by a test",
        pixels=rng.integers(0, 256, (40, 5, 5, 1), np.uint8),
        labels=rng.integers(0, 3, 40).astype(np.uint8),
        class_names=tuple("abc"),
    )
    held = hold(images, client=2, copies=0, seed=3, validation_fraction=0.25)
    (client,) = held.clients
    assert sorted([*client.training.rows, *client.validation.rows]) == list(range(40))
    assert (len(client.training), len(held.test)) == (30, 0)
    config = config_of("--scheme=bonawitz", LINEAR)
    site = SiteTraining(config, DataFacts.of(held), held, 2, tmp_path / "site")
    server = ServerTraining(config, DataFacts.of(held), tmp_path / "server")
    before = server.weights
    given = site.contribute(server.broadcast(), 1)
    server.apply(plain_sums(server.sums.slots, [given]), 1, 1)
    assert not np.array_equal(before.trainable[0], server.weights.trainable[0])
    one = dataclasses.replace(images, pixels=images.pixels[:1], labels=images.labels[:1])
    with pytest.raises(DataError, match="two images or more"):
        hold(one, 0, 0, 0)


def test_what_a_site_releases_follows_from_its_own_units(federated, tmp_path):
    private = ("--dp_noise=local", "--noise_multiplier=2", "--noise_seed=1", "--local_steps=3")
    config = config_of("--scheme=bonawitz", LINEAR, *private, "--lot_size=50")
    held = federated.of_client(1)
    site = SiteTraining(config, DataFacts.of(federated), held, 1, tmp_path)
    steps = site.noisy_steps(4)
    assert (steps.number, steps.noise_multiplier) == (12, 2.0)
    assert steps.sampling_rate == 50 / len(held.clients[0].training)
