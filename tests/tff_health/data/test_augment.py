import numpy as np
import pytest

from tff_health.data.augment import COPIES, Augmenter


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (200, 12, 12, 3), np.uint8)


def test_copy_zero_is_the_image_itself(pixels):
    rows = np.arange(len(pixels))
    drawn = Augmenter(len(pixels), 0).draw(pixels, rows, np.zeros(len(rows), np.uint8))
    np.testing.assert_array_equal(drawn, pixels)


def test_a_copy_is_the_same_wherever_it_is_drawn(pixels):
    augmenter = Augmenter(len(pixels), 0)
    rows = np.arange(len(pixels))
    copies = (rows % (COPIES + 1)).astype(np.uint8)
    drawn = augmenter.draw(pixels, rows, copies)
    backwards = augmenter.draw(pixels, rows[::-1], copies[::-1])[::-1]
    np.testing.assert_array_equal(drawn, backwards)
    assert (drawn[copies > 0] != pixels[copies > 0]).any(axis=(1, 2, 3)).all()


def test_copies_are_flipped_in_a_tenth_of_the_cases():
    # A gradient to the right stays one under small rotations, unless it is flipped.
    pixels = np.tile((np.arange(12) * 20).astype(np.uint8)[None, None, :, None], (2000, 12, 1, 1))
    drawn = Augmenter(2000, 0).draw(pixels, np.arange(2000), np.ones(2000, np.uint8)).astype(int)
    flipped = drawn[:, 6, 2, 0] > drawn[:, 6, 9, 0]
    assert 0.07 < flipped.mean() < 0.13


def test_rotation_keeps_grey_grey_and_turns_by_up_to_five_degrees():
    flat = np.full((50, 28, 28, 3), 77, np.uint8)
    drawn = Augmenter(50, 0).draw(flat, np.arange(50), np.ones(50, np.uint8))
    np.testing.assert_array_equal(drawn, flat)

    # A bright spot 12 pixels right of the centre moves by at most 12 sin(5 degrees) = 1.05 pixels.
    spot = np.zeros((300, 27, 27, 1), np.uint8)
    spot[:, 13, 25] = 255
    drawn = Augmenter(300, 0).draw(spot, np.arange(300), np.ones(300, np.uint8)).astype(float)
    drawn = np.where(
        (drawn[:, :, :13].sum((1, 2, 3)) > 0)[:, None, None, None], drawn[:, :, ::-1], drawn
    )
    height = (drawn[..., 0] * np.arange(27)[None, :, None]).sum((1, 2)) / drawn.sum((1, 2, 3)) - 13
    assert 0.8 < np.abs(height).max() < 1.3
    assert abs(height.mean()) < 0.2
