"""Images in .npz files."""

import io
import zipfile

import numpy as np
import pytest

from tff_health.data.own import arrays
from tff_health.data.own.look import look
from tff_health.data.own.read import read
from tff_health.data.reading import Reading
from tff_health.errors import DataError

PIXELS = np.arange(6 * 10 * 12 * 3, dtype=np.uint8).reshape(6, 10, 12, 3)
LABELS = np.array([0, 1, 2, 0, 1, 2])


@pytest.fixture
def reads(tmp_path):
    def reads(options=None, **content):
        path = tmp_path / "a.npz"
        np.savez_compressed(path, **content)
        return read(path, Reading(**(options or {})), tmp_path / "cache")

    return reads


def refusal(reads, options=None, **content):
    with pytest.raises(DataError) as error:
        reads(options, **content)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_arrays_are_read_as_they_are(reads):
    images = reads(images=PIXELS, labels=LABELS)
    assert np.array_equal(images.pixels, PIXELS)
    assert images.labels.tolist() == LABELS.tolist()
    assert images.class_names == ("0", "1", "2")
    assert images.form == "arrays of a.npz; nothing says which images are of one patient"


def test_groups_sites_and_names_may_be_there(reads):
    images = reads(
        images=PIXELS[..., 0],
        labels=LABELS[:, None].astype(np.uint8),
        groups=np.array([3, 3, 4, 5, 5, 6]),
        sites=np.array(list("nnsswe")),
        class_names=np.array(["mel", "bkl", "nv"]),
    )
    assert images.image_shape == (10, 12, 1)
    assert images.groups.tolist() == ["3", "3", "4", "5", "5", "6"]
    assert images.sites.tolist() == list("nnsswe")
    assert images.class_names == ("mel", "bkl", "nv")


def test_labels_may_be_names(reads):
    images = reads(images=PIXELS, labels=np.array(["nv", "mel", "nv"] * 2))
    assert images.class_names == ("mel", "nv")
    assert images.labels.tolist() == [1, 0, 1] * 2


def test_labels_that_skip_numbers_are_numbered_anew_under_their_names(reads):
    images = reads(images=PIXELS, labels=np.array([7, 3, 11] * 2))
    assert images.class_names == ("3", "7", "11")
    assert "labels 3, 7, 11 numbered anew" in images.form
    assert images.labels.tolist() == [1, 0, 2] * 2


def test_images_are_brought_to_a_size_if_asked(reads):
    images = reads({"side": 8}, images=PIXELS, labels=LABELS)
    assert images.image_shape == (8, 8, 3)
    assert "centre cropped and brought to 8x8 by Pillow" in images.form


def test_another_version_of_what_resizes_makes_other_images(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    np.savez(path, images=PIXELS, labels=LABELS)
    stamps = {arrays.list_arrays(path, Reading(side=8)).stamp for _ in range(2)}
    assert len(stamps) == 1
    monkeypatch.setattr(arrays, "decoder", lambda: "Pillow 1.0")
    assert arrays.list_arrays(path, Reading(side=8)).stamp not in stamps


@pytest.mark.parametrize("scale", [1, 257])
def test_uint16_and_floats_are_scaled_by_their_range(reads, scale):
    expected = PIXELS[..., :1]
    deep = expected.astype(np.uint16) * 257
    assert np.array_equal(reads(images=deep, labels=LABELS).pixels, expected)
    assert np.array_equal(reads(images=expected / np.float32(255), labels=LABELS).pixels, expected)


def medmnist(labels=LABELS[:, None], parts=("train", "val", "test"), pixels=PIXELS):
    return {
        **{f"{part}_images": pixels for part in parts},
        **{f"{part}_labels": labels for part in parts},
    }


@pytest.mark.parametrize("side", [28, 64, 128, 224])
@pytest.mark.parametrize("channels", [1, 3])
def test_medmnist_is_read_at_every_size(reads, side, channels):
    shape = (6, side, side, 3) if channels == 3 else (6, side, side)
    images = reads(**medmnist(pixels=np.ones(shape, np.uint8)))
    assert images.pixels.shape == (18, side, side, channels)
    assert images.is_test.tolist() == [False] * 12 + [True] * 6
    assert images.form.startswith("MedMNIST arrays of a.npz; ")


def test_medmnists_sets_of_several_labels_are_refused(reads):
    several = np.eye(6, 14, dtype=np.uint8)
    assert "has 14 labels an image (multi-label, as of ChestMNIST)" in refusal(
        reads, **medmnist(several)
    )


def test_medmnists_volumes_are_refused(reads):
    volumes = np.zeros((6, 28, 28, 28), np.uint8)
    assert "train_images has shape (6, 28, 28, 28)" in refusal(reads, **medmnist(pixels=volumes))


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.where(np.arange(720).reshape(6, 10, 12) == 500, np.nan, 0.5), "not finite (NaN"),
        (PIXELS.astype(np.float32), "but floats must be in [0, 1]: scale them so"),
        (PIXELS / 255.0 - 0.5, "but floats must be in [0, 1]"),
        (PIXELS.astype(np.int64), "is int64, but must be uint8, uint16, or floats"),
        (PIXELS[:, :4], "images of 12x4 pixels, fewer than 8x8"),
        (PIXELS[:, 0, 0], "has shape (6, 3), but must have"),
        (PIXELS[:0], "array images holds no images"),
        (PIXELS[:, :0], "has shape (6, 0, 12, 3), but must have"),
        (np.asfortranarray(PIXELS), "is in Fortran's order"),
    ],
)
def test_pixels_of_another_kind_are_refused(reads, pixels, reason):
    assert reason in refusal(reads, images=pixels, labels=LABELS[: len(pixels)])


def test_images_with_values_that_are_not_finite_can_be_skipped(reads):
    pixels = np.full((6, 10, 12), 0.5)
    pixels[3, 0, 0] = np.inf
    assert "1 of 6 images cannot be read: images[3]: it has values" in refusal(
        reads, images=pixels, labels=LABELS
    )
    images = reads({"skip_unreadable": True}, images=pixels, labels=LABELS)
    assert images.labels.tolist() == [0, 1, 2, 1, 2]


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (LABELS[:5], "but 6 images need integers or texts (6,)"),
        (LABELS.astype(float), "array labels is float64"),
        (LABELS - 1, "has label -1, but they must be 0 or more"),
        (LABELS * 0, "all images are of one class, '0'"),
    ],
)
def test_labels_of_another_kind_are_refused(reads, labels, reason):
    assert reason in refusal(reads, images=PIXELS, labels=labels)


def test_labels_beyond_the_names_are_refused(reads):
    names = np.array(["mel", "nv"])
    text = refusal(reads, images=PIXELS, labels=LABELS, class_names=names)
    assert "label 2 found, but class_names has 2 names" in text


def test_other_arrays_are_refused(reads):
    text = refusal(reads, x=PIXELS, y=LABELS)
    assert "has arrays x, y; needed are images and labels" in text


def test_a_damaged_file_is_refused(reads, tmp_path):
    reads(images=PIXELS, labels=LABELS)
    content = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "b.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="is damaged or of another format"):
        look(tmp_path / "b.npz")


def test_python_objects_are_not_loaded(reads):
    text = refusal(reads, images=PIXELS, labels=LABELS, groups=np.array([{}] * 6, object))
    assert "is damaged or of another format" in text


@pytest.mark.parametrize("shape", ["(600,10, 12,3)", "(6, 10, 12, 3 ", "(-6,10, 12,3)"])
def test_a_header_that_lies_is_refused(tmp_path, shape):
    path = tmp_path / "a.npz"
    count = 600 if "600" in shape else 6
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in (("images", PIXELS), ("labels", np.arange(count) % 3)):
            stream = io.BytesIO()
            np.save(stream, array)
            content = stream.getvalue()
            if name == "images":
                content = content.replace(b"(6, 10, 12, 3)", shape.encode().ljust(14))
            archive.writestr(f"{name}.npy", content)
    with pytest.raises(DataError, match=r"is damaged|has shape"):
        read(path, Reading(), tmp_path / "cache")
