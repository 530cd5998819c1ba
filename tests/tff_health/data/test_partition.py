import dataclasses

import numpy as np
import pytest

from tff_health.data.examples import Examples, digest_of
from tff_health.data.images import LabelledImages
from tff_health.data.partition import PartitionSpec, partition, rare_classes
from tff_health.errors import DataError

NUMBER, CLASSES = 1000, 5


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return LabelledImages(
        name="test",
        form="made by a test",
        pixels=np.zeros((NUMBER, 2, 2, 1), np.uint8),
        labels=rng.integers(0, CLASSES, NUMBER).astype(np.uint8),
        class_names=tuple("abcde"),
        sites=rng.choice(["north", "south", "west"], NUMBER),
    )


def parts_of(images, spec, seed=0):
    return partition(images, Examples.originals(images), spec, seed)


@pytest.mark.parametrize(
    "spec",
    [
        PartitionSpec("iid", 7),
        PartitionSpec("dirichlet", 7, alpha=0.3),
        PartitionSpec("site", 3),
        PartitionSpec("rare", 7),
        PartitionSpec("label_noise", 7),
    ],
    ids=lambda spec: spec.kind,
)
def test_every_example_goes_to_one_client_reproducibly(images, spec):
    parts = parts_of(images, spec)
    rows = np.sort(np.concatenate([part.rows for part in parts]))
    np.testing.assert_array_equal(rows, np.arange(NUMBER))
    assert len(parts) == spec.num_clients
    assert digest_of(parts) == digest_of(parts_of(images, spec))
    if spec.kind != "site":
        assert digest_of(parts) != digest_of(parts_of(images, spec, seed=1))


def test_iid_parts_are_equal(images):
    assert {len(part) for part in parts_of(images, PartitionSpec("iid", 7))} == {142, 143}


def test_small_alpha_makes_clients_differ_more(images):
    def spread(alpha):
        parts = parts_of(images, PartitionSpec("dirichlet", 5, alpha=alpha))
        shares = [np.bincount(part.labels, minlength=CLASSES) / len(part) for part in parts]
        return np.std(shares, axis=0).mean()

    assert spread(0.1) > 3 * spread(100.0)


def test_source_gives_each_institution_its_own(images):
    parts = parts_of(images, PartitionSpec("site", 3))
    for part, name in zip(parts, ("north", "south", "west"), strict=True):
        assert set(images.sites[part.rows]) == {name}


def test_source_needs_one_client_for_each_institution(images):
    with pytest.raises(DataError, match="--num_clients=3"):
        parts_of(images, PartitionSpec("site", 4))
    with pytest.raises(DataError, match=r"^test \(.*\) does not say .*another --partition"):
        parts_of(dataclasses.replace(images, sites=None), PartitionSpec("site", 3))


def test_label_noise_hits_the_said_fraction_of_clients_and_labels(images):
    spec = PartitionSpec("label_noise", 10, noisy_clients=0.3, noisy_labels=0.6)
    wrong = [(part.labels != images.labels[part.rows]).mean() for part in parts_of(images, spec)]
    assert sorted(wrong) == [0.0] * 7 + [0.6] * 3


def test_label_noise_only_changes_labels(images):
    rows = [p.rows for p in parts_of(images, PartitionSpec("iid", 4))]
    noisy = [p.rows for p in parts_of(images, PartitionSpec("label_noise", 4))]
    np.testing.assert_array_equal(np.concatenate(rows), np.concatenate(noisy))


def test_more_clients_than_examples_is_refused(images):
    with pytest.raises(DataError, match="fewer clients"):
        parts_of(images, PartitionSpec("iid", 501))


def test_impossible_dirichlet_is_refused(images):
    with pytest.raises(DataError, match="larger --partition_alpha"):
        parts_of(images, PartitionSpec("dirichlet", 400, alpha=0.001))


def test_unknown_partition_is_refused(images):
    with pytest.raises(DataError, match="iid, dirichlet, site, rare and label_noise"):
        parts_of(images, PartitionSpec("by_age", 3))


@pytest.mark.parametrize(("clients", "holders"), [(10, 3), (7, 2), (3, 1)])
def test_the_rarer_half_of_the_classes_goes_to_the_last_clients_alone(images, clients, holders):
    labels = np.repeat(np.arange(CLASSES), [60, 500, 20, 300, 120]).astype(np.uint8)
    images = dataclasses.replace(images, labels=labels)
    assert rare_classes(images) == (2, 0)
    parts = parts_of(images, PartitionSpec("rare", clients))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    for part in parts[:-holders]:
        assert not set(part.labels) & {0, 2}
    for part in parts[-holders:]:
        assert np.isin(part.labels, (0, 2)).sum() in range(80 // holders, 80 // holders + 2)


def test_rare_classes_that_do_not_fit_go_to_all(images):
    spec = PartitionSpec("rare", 10, rare_clients=0.1)
    images = dataclasses.replace(images, labels=images.labels % 4)  # half of all are rare
    parts = parts_of(images, spec)
    rare = rare_classes(images)
    assert np.isin(parts[-1].labels, rare).all()
    assert all(np.isin(part.labels, rare).any() for part in parts)
    assert sum(map(len, parts)) == NUMBER
