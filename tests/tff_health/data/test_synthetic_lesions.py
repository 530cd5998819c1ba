import time

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

from tff_health.data import synthetic_lesions
from tff_health.data.images import class_counts
from tff_health.data.skin_lesions import CLASS_NAMES


@pytest.fixture(scope="module")
def images():
    return synthetic_lesions.read()


def test_is_a_constant(images):
    assert images.digest == "61ae47063a30b73276361d88f17f2a0ab65b94b713c9765bb5a0fe6b43a1eadd"


def test_is_drawn_quickly():
    start = time.process_time()
    synthetic_lesions.read()
    assert time.process_time() - start < 3


def test_has_the_proportions_of_ham10000(images):
    assert images.pixels.shape == (4000, 28, 28, 3)
    counts = class_counts(images.labels, images.class_names)
    assert counts == dict(zip(CLASS_NAMES, (131, 205, 439, 46, 444, 2678, 57), strict=True))


@pytest.mark.parametrize("count", [100, 1001, 4000])
def test_any_count(count):
    images = synthetic_lesions.read(count, seed=5)
    assert len(images) == count
    assert set(images.labels) == set(range(7))


def test_too_few():
    with pytest.raises(ValueError, match="99 images asked for"):
        synthetic_lesions.read(99)


def test_seeds_differ():
    digests = {synthetic_lesions.read(100, seed=seed).digest for seed in (1, 1, 2)}
    assert len(digests) == 2


def test_a_lesion_has_one_class_and_one_site(images):
    lesions, first = np.unique(images.groups, return_index=True)
    number = np.searchsorted(lesions, images.groups)
    assert np.array_equal(images.labels, images.labels[first][number])
    assert np.array_equal(images.sites, images.sites[first][number])
    assert len(images) / len(lesions) == pytest.approx(10_015 / 7_470, rel=0.01)


def test_order_and_ids_do_not_tell_the_class(images):
    rows = np.arange(len(images))
    lesion_numbers = np.array([int(lesion.removeprefix("SYN_")) for lesion in images.groups])
    is_common = images.labels == CLASS_NAMES.index("nv")
    for values in (rows, lesion_numbers):
        assert abs(np.corrcoef(values, is_common)[0, 1]) < 0.05


def test_views_of_a_lesion_differ_but_less_than_lesions_do(images):
    colours = images.pixels.mean(axis=(1, 2))
    order = np.argsort(images.groups, kind="stable")
    same = images.groups[order][1:] == images.groups[order][:-1]
    steps = np.abs(np.diff(colours[order], axis=0)).mean(axis=1)
    assert same.sum() > 900
    assert 0 < steps[same].mean() < 0.6 * steps[~same].mean()


def test_sites_differ_in_colours_and_classes(images):
    colours, shares = [], []
    for site in synthetic_lesions.SITES:
        rows = images.sites == site
        assert rows.sum() > 200
        colours.append(images.pixels[rows].mean(axis=(0, 1, 2)))
        shares.append(np.mean(images.labels[rows] == CLASS_NAMES.index("nv")))
    red_to_blue = [colour[0] / colour[2] for colour in colours]
    assert max(red_to_blue) > 1.1 * min(red_to_blue)
    assert max(shares) > min(shares) + 0.2


def test_colours_alone_do_not_tell_the_class(images):
    colours = (
        np.column_stack([images.pixels.mean(axis=(1, 2)), images.pixels.std(axis=(1, 2))]) / 255
    )
    train = np.arange(len(images)) < 3000
    model = LogisticRegression(class_weight="balanced", max_iter=300)
    model.fit(colours[train], images.labels[train])
    guessed = model.predict(colours[~train])
    assert balanced_accuracy_score(images.labels[~train], guessed) < 0.45
