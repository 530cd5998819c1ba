import gzip
import hashlib
import struct

import numpy as np
import pytest

from tff_health.data import mnist
from tff_health.data.files import MissingFilesError
from tff_health.errors import DataError

TRAIN, TEST = 12, 5
IDX_NAMES = ("train-images", "train-labels", "t10k-images", "t10k-labels")


@pytest.fixture
def arrays():
    random = np.random.default_rng(1)
    return {
        "x_train": random.integers(256, size=(TRAIN, 28, 28), dtype=np.uint8),
        "y_train": random.integers(10, size=TRAIN, dtype=np.uint8),
        "x_test": random.integers(256, size=(TEST, 28, 28), dtype=np.uint8),
        "y_test": random.integers(10, size=TEST, dtype=np.uint8),
    }


def idx_bytes(array):
    header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def write_idx(folder, arrays, separator="-", *, zipped=False):
    for name, array in zip(IDX_NAMES, arrays.values(), strict=True):
        file_name = f"{name}{separator}idx{array.ndim}-ubyte" + ".gz" * zipped
        content = idx_bytes(array)
        (folder / file_name).write_bytes(gzip.compress(content) if zipped else content)


def assert_holds(images, arrays):
    pixels = np.concatenate([arrays["x_train"], arrays["x_test"]])[..., None]
    assert images.image_shape == (28, 28, 1)
    assert np.array_equal(images.pixels, pixels)
    assert np.array_equal(images.labels, np.concatenate([arrays["y_train"], arrays["y_test"]]))
    assert images.is_test.tolist() == [False] * TRAIN + [True] * TEST
    assert images.groups is None


@pytest.mark.parametrize("compressed", [False, True])
def test_reads_keras_file(tmp_path, arrays, compressed):
    (np.savez_compressed if compressed else np.savez)(tmp_path / "mnist.npz", **arrays)
    assert_holds(mnist.read(tmp_path), arrays)


@pytest.mark.parametrize("separator", ["-", "."])
@pytest.mark.parametrize("zipped", [False, True])
def test_reads_idx_files(tmp_path, arrays, separator, zipped):
    write_idx(tmp_path, arrays, separator, zipped=zipped)
    assert_holds(mnist.read(tmp_path), arrays)


def test_recognises_gzip_by_content(tmp_path, arrays):
    write_idx(tmp_path, arrays)
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert_holds(mnist.read(tmp_path), arrays)


def test_looks_into_the_folder_of_its_name(tmp_path, arrays):
    (tmp_path / "mnist").mkdir()
    write_idx(tmp_path / "mnist", arrays)
    assert_holds(mnist.read(tmp_path), arrays)


@pytest.mark.parametrize("folder", ["MNIST", "MNIST/raw"])
def test_looks_into_the_folder_that_torchvision_makes(tmp_path, arrays, folder):
    (tmp_path / folder).mkdir(parents=True)
    write_idx(tmp_path / folder, arrays)
    assert_holds(mnist.read(tmp_path), arrays)


def test_names_in_upper_case(tmp_path, arrays):
    write_idx(tmp_path, arrays)
    for path in list(tmp_path.iterdir()):
        path.rename(path.with_name(path.name.upper()))
    assert_holds(mnist.read(tmp_path), arrays)


def test_files_in_folders_of_their_own_names(tmp_path, arrays):
    write_idx(tmp_path, arrays)
    for path in list(tmp_path.iterdir()):
        path.rename(tmp_path / "file")
        path.mkdir()
        (tmp_path / "file").rename(path / path.name)
    assert_holds(mnist.read(tmp_path), arrays)


def test_images_with_a_channel(tmp_path, arrays):
    shaped = {name: a[..., None] if name[0] == "x" else a for name, a in arrays.items()}
    np.savez(tmp_path / "mnist.npz", **shaped)
    assert_holds(mnist.read(tmp_path), arrays)


def test_prefers_keras_file(tmp_path, arrays):
    write_idx(tmp_path, arrays)
    np.savez(tmp_path / "mnist.npz", **arrays)
    assert "mnist.npz" in mnist.read(tmp_path).form


def test_empty_folder(tmp_path):
    with pytest.raises(MissingFilesError, match=r"no mnist.npz and no train-images.*in /"):
        mnist.read(tmp_path)


def test_missing_folder(tmp_path):
    with pytest.raises(MissingFilesError, match="does not exist"):
        mnist.read(tmp_path / "nowhere")


def test_file_instead_of_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="is a file: name the folder that it lies in"):
        mnist.read(tmp_path / "file")


def test_directory_instead_of_file(tmp_path):
    (tmp_path / "mnist.npz").mkdir()
    with pytest.raises(DataError, match=r"mnist.npz cannot be read: Is a directory"):
        mnist.read(tmp_path)


def test_dangling_link(tmp_path):
    (tmp_path / "mnist.npz").symlink_to("nowhere")
    with pytest.raises(DataError, match=r"mnist.npz cannot be read: No such file"):
        mnist.read(tmp_path)


def test_missing_idx_file(tmp_path, arrays):
    write_idx(tmp_path, arrays)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="but no t10k-labels-idx1-ubyte"):
        mnist.read(tmp_path)


@pytest.mark.parametrize("share", [0, 0.3, 0.9, 0.999])
def test_truncated_npz(tmp_path, arrays, share):
    path = tmp_path / "mnist.npz"
    np.savez(path, **arrays)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DataError, match=r"mnist.npz is damaged"):
        mnist.read(tmp_path)


def test_flipped_byte_in_npz(tmp_path, arrays):
    path = tmp_path / "mnist.npz"
    np.savez_compressed(path, **arrays)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"mnist.npz is damaged"):
        mnist.read(tmp_path)


@pytest.mark.parametrize("length", [0, 3, 10, 400])
@pytest.mark.parametrize("zipped", [False, True])
def test_truncated_idx(tmp_path, arrays, length, zipped):
    write_idx(tmp_path, arrays, zipped=zipped)
    path = tmp_path / ("train-images-idx3-ubyte" + ".gz" * zipped)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte.* is damaged"):
        mnist.read(tmp_path)


def damaged_idx():
    image = idx_bytes(np.zeros((TRAIN, 28, 28), np.uint8))
    return {
        "longer than announced": (image + b"\0", "there are more"),
        "floats": (image.replace(b"\x08\x03", b"\x0d\x03", 1), "not an IDX file of 8-bit numbers"),
        "four dimensions": (b"\0\0\x08\x04" + image, "not an IDX file of 8-bit numbers"),
        "huge": (b"\0\0\x08\x03" + b"\xff" * 12, "announces"),
        "other size": (idx_bytes(np.zeros((TRAIN, 32, 32), np.uint8)), r"\(number, 28, 28\)"),
        "labels": (idx_bytes(np.zeros(TRAIN, np.uint8)), r"\(number, 28, 28\)"),
        "no images": (idx_bytes(np.zeros((0, 28, 28), np.uint8)), r"\(number, 28, 28\)"),
    }


@pytest.mark.parametrize("case", damaged_idx())
def test_damaged_idx(tmp_path, arrays, case):
    content, message = damaged_idx()[case]
    write_idx(tmp_path, arrays)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        mnist.read(tmp_path)
    assert "train-images-idx3-ubyte" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("x_train", np.zeros((TRAIN, 28, 28), np.float32), "x_train is float32"),
        ("x_train", np.zeros((TRAIN, 28, 27), np.uint8), r"\(12, 28, 27\)"),
        ("x_test", np.zeros((0, 28, 28), np.uint8), "x_test"),
        ("y_train", np.zeros(TRAIN + 1, np.uint8), r"y_train is uint8 \(13,\)"),
        ("y_train", np.zeros(TRAIN, np.float32), "y_train is float32"),
        ("y_test", np.full(TEST, 10), "label 10.* 0 to 9"),
        ("y_test", np.full(TEST, -1), "label -1"),
        ("y_test", np.array([None] * TEST), "damaged.*Object arrays"),
    ],
)
def test_wrong_array(tmp_path, arrays, name, value, message):
    np.savez(tmp_path / "mnist.npz", **{**arrays, name: value})
    with pytest.raises(DataError, match=message):
        mnist.read(tmp_path)


def test_missing_array(tmp_path, arrays):
    del arrays["y_test"]
    np.savez(tmp_path / "mnist.npz", **arrays)
    with pytest.raises(DataError, match="no array y_test; it has x_train, y_train, x_test"):
        mnist.read(tmp_path)


def test_unreadable_file(tmp_path, arrays, monkeypatch):
    np.savez(tmp_path / "mnist.npz", **arrays)

    def denied(*_arguments, **_options):
        raise PermissionError(13, "Permission denied")

    # Not by the file's mode: whoever runs the tests as root may read everything.
    monkeypatch.setattr("zipfile.ZipFile", denied)
    with pytest.raises(DataError, match=r"mnist.npz cannot be read: Permission denied"):
        mnist.read(tmp_path)


def test_published_file(real_data_dir):
    images = mnist.read(real_data_dir)
    parts = {
        "741c9888": images.pixels[~images.is_test],
        "1feba77c": images.labels[~images.is_test],
        "6d87418d": images.pixels[images.is_test],
        "ddeff807": images.labels[images.is_test],
    }
    assert images.pixels.shape == (70_000, 28, 28, 1)
    assert images.is_test.sum() == 10_000
    for digest, part in parts.items():
        assert hashlib.sha256(part.tobytes()).hexdigest()[:8] == digest
