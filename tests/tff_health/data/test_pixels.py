"""Pixels that are read in pieces are those of the array that holds them all."""

import dataclasses

import numpy as np
import pytest

from tff_health.data import pixels as module
from tff_health.data.augment import Augmenter
from tff_health.data.examples import ExamplePixels, Examples
from tff_health.data.images import LabelledImages
from tff_health.data.pixels import StoredPixels, held_if_small, images_within, pieces_of
from tff_health.errors import DataError

SHAPE = (50, 6, 5, 3)


@pytest.fixture(scope="module")
def held():
    return np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)


@pytest.fixture
def stored(held, tmp_path):
    path = tmp_path / "images.bin"
    path.write_bytes(held.tobytes())
    return StoredPixels(path, SHAPE)


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(module, "_PIECE_BYTES", 7 * 90)


@pytest.mark.parametrize(
    "rows",
    [
        *(7, -1, np.int64(3), slice(None), slice(3, 9), slice(None, None, -4), slice(60, 70)),
        *([5, 6, 7, 2, 2, 49], [[1, 2], [3, 4]], np.arange(50) % 3 == 0, np.arange(0)),
    ],
    ids=lambda rows: str(rows)[:20],
)
def test_any_index_of_rows_reads_what_an_array_has(held, stored, rows):
    found = stored[rows]
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, held[rows])
    found[...] = 0  # theirs to write to
    np.testing.assert_array_equal(stored[rows], held[rows])


def test_a_read_that_is_cut_short_goes_on(held, stored, monkeypatch):
    monkeypatch.setattr(module, "_IOV_MAX", 100)
    np.testing.assert_array_equal(stored[:], held)


def test_rows_that_are_not_there_are_an_error(stored):
    with pytest.raises(IndexError):
        stored[50]


def test_a_file_of_another_size_is_refused(tmp_path):
    path = tmp_path / "images.bin"
    path.write_bytes(bytes(10))
    with pytest.raises(DataError, match=r"has 10 bytes, but must have 4,500"):
        StoredPixels(path, SHAPE)


def test_a_file_that_shrinks_is_an_error_and_no_endless_loop(stored):
    stored.path.write_bytes(bytes(10))
    with pytest.raises(DataError, match="shorter"):
        stored[49]


def test_pieces_are_all_images_in_order_and_few_at_a_time(held, stored, small_pieces):
    pieces = list(pieces_of(stored))
    assert [len(piece) for piece in pieces] == [7] * 7 + [1]
    np.testing.assert_array_equal(np.concatenate(pieces), held)


def test_a_piece_holds_one_image_at_least_and_small_ones_as_many_as_asked():
    assert images_within((28, 28, 3), 4, 1000) == 1000
    assert images_within((224, 224, 3), 4, 1000) == 55
    assert images_within((10_000, 10_000, 3), 4, 1000) == 1


def test_the_digest_does_not_depend_on_where_pixels_lie(held, stored, small_pieces):
    images = LabelledImages(
        name="digits",
        form="made by a test",
        pixels=held,
        labels=np.arange(50, dtype=np.uint8) % 3,
        class_names=("a", "b", "c"),
    )
    assert dataclasses.replace(images, pixels=stored).digest == images.digest
    assert dataclasses.replace(images, pixels=255 - held).digest != images.digest


def test_pixels_of_examples_are_the_same_in_pieces_as_at_once(held, stored, small_pieces):
    images = LabelledImages(
        name="digits",
        form="made by a test",
        pixels=stored,
        labels=np.zeros(50, np.uint8),
        class_names=("a",),
    )
    augmenter, rows = Augmenter(50, seed=1), np.array([4, 9, 2, 49])
    examples = Examples.originals(images, rows).with_copies(3)
    at_once = augmenter.draw(held, examples.rows, examples.copies)
    np.testing.assert_array_equal(np.concatenate(list(examples.pixels(images, augmenter))), at_once)
    on_demand = ExamplePixels(examples, images, augmenter)
    assert (on_demand.shape, len(on_demand)) == (at_once.shape, 16)
    np.testing.assert_array_equal(on_demand[3:11], at_once[3:11])


def test_small_pixels_are_held_and_large_ones_are_not(held, stored, monkeypatch):
    assert isinstance(held_if_small(stored), np.ndarray)
    np.testing.assert_array_equal(held_if_small(stored), held)
    monkeypatch.setattr(module, "HELD_BYTES", held.nbytes - 1)
    assert held_if_small(stored) is stored
