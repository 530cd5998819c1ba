import numpy as np
import pytest

from tff_health.data import dermamnist
from tff_health.data.files import MissingFilesError
from tff_health.errors import DataError

SIZES = {"train": 9, "val": 4, "test": 5}


@pytest.fixture
def arrays():
    random = np.random.default_rng(2)
    result = {}
    for part, size in SIZES.items():
        result[f"{part}_images"] = random.integers(256, size=(size, 28, 28, 3), dtype=np.uint8)
        result[f"{part}_labels"] = random.integers(7, size=(size, 1), dtype=np.uint8)
    return result


def test_reads_all_parts(tmp_path, arrays):
    np.savez_compressed(tmp_path / "dermamnist.npz", **arrays)
    images = dermamnist.read(tmp_path)
    pixels = np.concatenate([arrays[f"{part}_images"] for part in SIZES])
    labels = np.concatenate([arrays[f"{part}_labels"][:, 0] for part in SIZES])
    assert np.array_equal(images.pixels, pixels)
    assert np.array_equal(images.labels, labels)
    assert images.is_test.tolist() == [False] * 13 + [True] * 5
    assert images.class_names == ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")


def test_looks_into_the_folder_of_its_name(tmp_path, arrays):
    (tmp_path / "dermamnist").mkdir()
    np.savez(tmp_path / "dermamnist" / "dermamnist.npz", **arrays)
    assert len(dermamnist.read(tmp_path)) == 18


def test_empty_folder(tmp_path):
    with pytest.raises(MissingFilesError, match=r"no dermamnist.npz in /"):
        dermamnist.read(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("val_images", np.zeros((4, 28, 28), np.uint8), r"\(number, 28, 28, 3\)"),
        ("val_images", np.zeros((4, 64, 64, 3), np.uint8), r"\(number, 28, 28, 3\)"),
        ("val_labels", np.zeros((4, 2), np.uint8), r"val_labels is uint8 \(4, 2\)"),
        ("val_labels", np.full((4, 1), 7), "label 7.* 0 to 6"),
        ("test_labels", np.zeros(4, np.uint8), "5 images need"),
    ],
)
def test_wrong_array(tmp_path, arrays, name, value, message):
    np.savez(tmp_path / "dermamnist.npz", **{**arrays, name: value})
    with pytest.raises(DataError, match=message):
        dermamnist.read(tmp_path)


def test_missing_array(tmp_path, arrays):
    del arrays["val_labels"]
    np.savez(tmp_path / "dermamnist.npz", **arrays)
    with pytest.raises(DataError, match="no array val_labels"):
        dermamnist.read(tmp_path)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("dermamnist_64.npz", 64),
        ("DermaMNIST_224.npz", 224),
        ("dermamnist_corrected_28.npz", 28),
        ("dermamnist_extended_224.npz", 224),
    ],
)
def test_larger_and_corrected_files(tmp_path, arrays, name, size):
    for part, number in SIZES.items():
        shades = np.arange(number, dtype=np.uint8)[:, None, None, None]
        arrays[f"{part}_images"] = np.broadcast_to(shades, (number, size, size, 3)).copy()
    np.savez(tmp_path / name, **arrays)
    images = dermamnist.read(tmp_path)
    assert images.image_shape == (28, 28, 3)
    expected = np.concatenate([np.arange(number) for number in SIZES.values()])
    assert np.array_equal(images.pixels[:, 0, 0, 0], expected)
    assert images.form.endswith(f", reduced from {size}x{size}" if size > 28 else name)


def test_the_published_size_comes_first(tmp_path, arrays):
    np.savez(tmp_path / "dermamnist_corrected_28.npz", **arrays)
    np.savez(tmp_path / "dermamnist.npz", **arrays)
    assert dermamnist.read(tmp_path).form == "MedMNIST's file dermamnist.npz"
