"""Statistics over clients: what each adds up, and what the server makes of the sum."""

import dataclasses
import math

import numpy as np
import pytest

from tff_health.data.images import LabelledImages
from tff_health.data.numeric_columns import NumericColumn
from tff_health.errors import ConfigError
from tff_health.statistics.contribution import contribution
from tff_health.statistics.estimates import QUANTILES, estimate, quantiles
from tff_health.statistics.layout import ONE, Layout

AGE = NumericColumn("age", 0.0, 100.0)
LAYOUT = Layout(("a", "b", "c"), 3, (AGE,), 10)


def made(number=600, extreme=False):
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 256, (number, 9, 7, 3)).astype(np.uint8)
    if extreme:
        pixels[:] = 255
    age = rng.normal(50, 20, number)
    age[::7] = math.nan
    return LabelledImages(
        name="made",
        form="made",
        pixels=pixels,
        labels=rng.integers(0, 3, number).astype(np.uint8),
        class_names=("a", "b", "c"),
        groups=rng.integers(0, 200, number).astype(str),
        numbers={"age": age},
    )


def rows_of(images):
    return np.arange(len(images))


def test_counts_are_exact_and_the_rest_is_to_within_rounding():
    images = made()
    found = estimate(contribution(images, rows_of(images), LAYOUT, by_group=False), LAYOUT)
    counts = np.bincount(images.labels).tolist()
    assert list(found.classes.values()) == counts
    assert found.units == len(images)
    for channel in range(3):
        values = images.pixels[..., channel] / 255
        assert found.channels[channel].mean == pytest.approx(values.mean(), abs=2**-16)
        assert found.channels[channel].deviation == pytest.approx(values.std(), abs=2**-14)
        histogram = np.bincount(images.pixels[..., channel].ravel() // 8, minlength=32) / 63
        np.testing.assert_allclose(found.channels[channel].counts, histogram, atol=600 * 2**-16)
    known = images.numbers["age"][~np.isnan(images.numbers["age"])]
    clipped, age = np.clip(known, 0, 100), found.columns["age"]
    assert age.number == len(known)
    assert age.mean == pytest.approx(clipped.mean(), abs=0.01)
    assert age.deviation == pytest.approx(clipped.std(), abs=0.01)
    assert age.counts == np.histogram(clipped, 10, (0, 100))[0].tolist()
    np.testing.assert_allclose(age.quantiles, np.quantile(clipped, QUANTILES), atol=10)


def test_clients_add_up_to_all_images():
    images = made()
    whole = contribution(images, rows_of(images), LAYOUT, by_group=False)
    parts = np.array_split(np.random.default_rng(0).permutation(len(images)), 4)
    added = sum(contribution(images, part, LAYOUT, by_group=False) for part in parts)
    np.testing.assert_array_equal(added, whole)


@pytest.mark.parametrize("by_group", [False, True])
@pytest.mark.parametrize("extreme", [False, True])
def test_a_unit_changes_the_sum_by_no_more_than_noise_is_scaled_to(by_group, extreme):
    images = made(200, extreme)
    whole = contribution(images, rows_of(images), LAYOUT, by_group)
    for unit in np.unique(images.groups) if by_group else range(0, 200, 10):
        is_left = images.groups != unit if by_group else rows_of(images) != unit
        without = contribution(images, np.flatnonzero(is_left), LAYOUT, by_group)
        assert np.linalg.norm(whole - without) <= LAYOUT.sensitivity
    assert LAYOUT.sensitivity == pytest.approx(math.sqrt(14) * ONE, rel=0.01)


def test_a_group_counts_once_whatever_it_has():
    images = made()
    found = estimate(contribution(images, rows_of(images), LAYOUT, by_group=True), LAYOUT)
    assert found.units == pytest.approx(len(set(images.groups.tolist())), abs=0.01)
    means = [
        images.pixels[images.groups == group, ..., 0].mean() / 255
        for group in set(images.groups.tolist())
    ]
    assert found.channels[0].mean == pytest.approx(np.mean(means), abs=2**-14)


def test_images_are_read_a_few_at_a_time():
    class Watched:
        def __init__(self, pixels):
            self.pixels, self.most = pixels, 0
            self.dtype, self.ndim, self.shape = pixels.dtype, pixels.ndim, pixels.shape

        def __len__(self):
            return len(self.pixels)

        def __getitem__(self, rows):
            self.most = max(self.most, len(rows))
            return self.pixels[rows]

    images = made()
    watched = Watched(images.pixels)
    for by_group in (False, True):
        contribution(dataclasses.replace(images, pixels=watched), rows_of(images), LAYOUT, by_group)
    assert 0 < watched.most <= 256


def test_without_values_there_is_nothing_to_say():
    images = made()
    images = dataclasses.replace(images, numbers={"age": np.full(len(images), math.nan)})
    age = estimate(contribution(images, rows_of(images), LAYOUT, by_group=False), LAYOUT).columns[
        "age"
    ]
    assert age.number == 0
    assert all(map(math.isnan, (age.mean, age.deviation, *age.quantiles)))


def test_noise_below_nothing_is_no_number_of_values():
    total = np.full(LAYOUT.size, -ONE)
    found = estimate(total, LAYOUT)
    assert math.isnan(found.channels[0].mean)
    assert set(found.channels[0].counts) == {0.0}


def test_quantiles_lie_within_bins_by_interpolation():
    assert quantiles(np.array([0.0, 10.0, 0.0]), np.array([0.0, 1.0, 2.0, 3.0])) == pytest.approx(
        [1.05, 1.25, 1.5, 1.75, 1.95]
    )


@pytest.mark.parametrize("text", ["age", "age:1", "age:a:2", ":0:1", "age:5:5", "age:0:inf"])
def test_columns_that_name_no_range_are_refused(text):
    with pytest.raises(ConfigError, match="numeric column"):
        NumericColumn.parse(text)


def test_names_of_columns_may_have_colons():
    assert NumericColumn.parse("a:b:-1:2.5") == NumericColumn("a:b", -1.0, 2.5)
