"""The mean and deviation that standardise channels."""

import numpy as np
import pytest

from tff_health.data.images import LabelledImages
from tff_health.statistics.channels import channel_sums, scaling_of


def images_of(pixels):
    number = len(pixels)
    return LabelledImages(
        name="made",
        form="made",
        pixels=pixels,
        labels=np.zeros(number, np.uint8),
        class_names=("a", "b"),
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_parts_add_up_to_the_mean_and_deviation_of_all(channels):
    rng = np.random.default_rng(0)
    images = images_of(rng.integers(0, 200, (700, 5, 4, channels)).astype(np.uint8))
    parts = np.array_split(rng.permutation(700), 3)
    scaling = scaling_of(sum(channel_sums(images, part) for part in parts))
    scaled = images.pixels / 255
    np.testing.assert_allclose(scaling.means, scaled.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(scaling.deviations, scaled.std(axis=(0, 1, 2)), rtol=1e-9)


def test_a_channel_without_contrast_is_not_divided_by_zero():
    scaling = scaling_of(channel_sums(images_of(np.full((4, 2, 2, 1), 77, np.uint8)), np.arange(4)))
    assert scaling.means == (77 / 255,)
    assert scaling.deviations == (1 / 255,)
