"""Images are decoded once; what is kept of them is whole, private, and found again."""

import os
import shutil
import time

import numpy as np
import pytest

from tests.tff_health.data.own.drawn import write_folder, write_picture
from tff_health.data.own import fingerprint, image_files
from tff_health.data.own.read import read
from tff_health.data.pixels import StoredPixels
from tff_health.data.reading import Reading
from tff_health.errors import DataError

SCAN = fingerprint._FOLDER / "scan.dcm"


@pytest.fixture
def root(tmp_path):
    return write_folder(tmp_path / "skin")


@pytest.fixture
def reads(root, tmp_path):
    return lambda **options: read(root, Reading(**options), tmp_path / "cache")


@pytest.fixture
def never(monkeypatch):
    """Makes decoding an error from here on."""

    def start():
        def fail(*_):
            raise AssertionError("decoded again")

        monkeypatch.setattr(image_files, "_decode", fail)

    return start


def kept(tmp_path):
    return sorted((tmp_path / "cache" / "own_images").iterdir())


def test_images_are_decoded_once(reads, never):
    first = reads()
    never()
    again = reads()
    assert again.digest == first.digest
    assert isinstance(again.pixels, StoredPixels)


def test_what_is_kept_is_for_its_user_alone(reads, tmp_path):
    reads()
    assert (tmp_path / "cache" / "own_images").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in kept(tmp_path)} == {0o600}


@pytest.mark.parametrize("options", [{"side": 32}, {"fit": "pad"}, {"channels": 1}])
def test_other_settings_make_other_images(reads, never, options):
    reads()
    never()
    with pytest.raises(AssertionError, match="decoded again"):
        reads(**options)


@pytest.mark.parametrize("name", ["pictures", "dicom"])
def test_other_decoders_make_other_images(reads, never, root, monkeypatch, name):
    if name == "dicom":
        shutil.copy(SCAN, root / "benign" / "scan.dcm")
    reads()
    monkeypatch.setattr(f"tff_health.data.own.{name}.decoder", lambda: "another 1.0")
    never()
    with pytest.raises(AssertionError, match="decoded again"):
        reads()


def test_a_changed_file_is_decoded_again(reads, root):
    before = reads().digest
    write_picture(root / "benign" / "03.png", 200)
    assert reads().digest != before


def test_a_file_of_the_same_size_that_was_touched_is_decoded_again(reads, root, never):
    reads()
    os.utime(root / "benign" / "03.png", ns=(time.time_ns(), 1))
    never()
    with pytest.raises(AssertionError):
        reads()


@pytest.mark.parametrize("suffix", [".bin", ".json"])
@pytest.mark.parametrize("damage", ["cut", "gone", "emptied"])
def test_damaged_copies_are_made_again(reads, tmp_path, suffix, damage):
    before = reads().digest
    path = next(path for path in kept(tmp_path) if path.suffix == suffix)
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-1] if damage == "cut" else b"")
    assert reads().digest == before


def test_an_interrupt_leaves_nothing(reads, tmp_path, monkeypatch):
    calls = iter(range(100))
    decode = image_files._decode

    def interrupted(*arguments):
        if next(calls) == 7:
            raise KeyboardInterrupt
        return decode(*arguments)

    monkeypatch.setattr(image_files, "_decode", interrupted)
    with pytest.raises(KeyboardInterrupt):
        reads(channels=3)
    assert kept(tmp_path) == []


def test_what_a_killed_process_left_is_removed(reads, tmp_path):
    folder = tmp_path / "cache" / "own_images"
    folder.mkdir(parents=True)
    (folder / ".abc.bin.123.part").write_bytes(b"half")
    reads()
    assert [path.suffix for path in kept(tmp_path)] == [".bin", ".json"]


def test_a_cache_that_cannot_be_written_is_an_error(root, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"the cache .* cannot be written: Not a directory"):
        read(root, Reading(), tmp_path / "file")


def test_a_moved_folder_finds_its_images(reads, root, tmp_path, never):
    before = reads()
    root.rename(tmp_path / "moved")
    never()
    assert np.array_equal(
        read(tmp_path / "moved", Reading(), tmp_path / "cache").pixels, before.pixels
    )


def test_images_of_several_batches_stay_in_order(root, reads, monkeypatch):
    monkeypatch.setattr(image_files, "_BATCH_BYTES", 5 * 3 * 64**2)
    assert reads().pixels[:][:, 0, 0, 0].tolist() == [*range(6), *range(40, 46)]
