"""Sites that decode images differently are told so before anything is trained."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tff_health.data import __main__ as command
from tff_health.data.own import dicom, fingerprint, pictures
from tff_health.data.own.fingerprint import Fingerprint, check_same
from tff_health.data.own.fitting import squared
from tff_health.errors import DataError


@pytest.fixture(scope="module")
def own():
    return fingerprint.take()


def test_it_names_decoders_with_versions_and_is_the_same_again(own):
    import PIL
    import pydicom

    assert f"Pillow {PIL.__version__}" in own.decoders
    assert "libjpeg-turbo" in own.decoders
    assert f"pydicom {pydicom.__version__}" in own.decoders
    assert fingerprint.take() == own
    assert len(set(own.pixels.values())) == len(own.pixels) == 3


def test_it_is_of_what_own_images_are_read_as(own):
    folder = fingerprint._FOLDER
    photo = np.asarray(pictures.read_picture(folder / "photo.jpg"))
    assert photo.shape == (64, 96, 3)
    assert np.array_equal(photo, np.asarray(Image.open(folder / "photo.jpg")))
    scan = np.asarray(dicom.read_dicom(folder / "scan.dcm"))
    assert scan.shape == (64, 96)
    # Both hold the same waves, and MONOCHROME1 is inverted once.
    assert np.abs(255 - scan.astype(int) - photo[..., 0]).mean() < 20
    assert own.pixels["JPEG"] == fingerprint._digest(Image.fromarray(photo))


def test_it_covers_images_of_which_less_is_decoded(own):
    whole = Image.open(fingerprint._FOLDER / "photo.jpg").convert("RGB")
    assert fingerprint._digest(squared(whole, 16, "crop")) != own.pixels["JPEG at 16x16"]


def test_a_site_that_decodes_by_tensorflow_is_told(own, monkeypatch):
    tf = pytest.importorskip("tensorflow")

    def by_tensorflow(path, side=0):
        image = Image.fromarray(tf.io.decode_image(path.read_bytes()).numpy())
        return image.resize((side, side)) if side else image

    monkeypatch.setattr(pictures, "read_picture", by_tensorflow)
    monkeypatch.setattr(pictures, "decoder", lambda: "TensorFlow 2.14.1")
    other = fingerprint.take()
    with pytest.raises(DataError) as error:
        check_same({"north": own, "south": own, "east": other})
    text = str(error.value)
    assert text.startswith("east (TensorFlow 2.14.1, pydicom")
    assert "decodes JPEG and JPEG at 16x16 otherwise than north (Pillow" in text
    assert "DICOM" not in text
    assert "south" not in text


def test_a_site_whose_dicom_files_another_plugin_decodes_is_told(own, monkeypatch):
    monkeypatch.setattr(dicom, "_PLUGINS", ("pillow",))
    with pytest.raises(DataError, match=r"two .* decodes JPEG in DICOM, MONOCHROME1 otherwise"):
        check_same({"one": own, "two": fingerprint.take()})


def test_one_value_of_one_pixel_is_enough(own):
    image = Image.open(fingerprint._FOLDER / "photo.jpg")
    changed = np.array(image)
    changed[0, 0, 0] ^= 1
    assert fingerprint._digest(Image.fromarray(changed)) != own.pixels["JPEG"]


def test_other_versions_that_decode_alike_are_let_in(own):
    check_same({"one": own, "other": replace(own, decoders="others")})
    check_same({})


def test_what_cannot_be_decoded_differs_from_what_can(own, monkeypatch):
    def unread(path):
        raise fingerprint.UnreadableError("it is compressed as JPEG, which is not read")

    monkeypatch.setattr(dicom, "read_dicom", unread)
    with pytest.raises(DataError, match=r"two .* decodes JPEG in DICOM, MONOCHROME1 otherwise"):
        check_same({"one": own, "two": fingerprint.take()})


def test_json_and_back(own):
    assert Fingerprint.from_json(own.to_json()) == own
    assert Fingerprint.from_json(own.to_json().encode()) == own


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{", "null", "[" * 100_000, b"\xff", '{"version": 1}'),
        '{"version": 2, "decoders": "", "pixels": {}}',
        '{"version": 1, "decoders": "", "pixels": {"a": 1}}',
        '{"version": 1, "decoders": "", "pixels": []}',
        '{"version": 1, "decoders": "", "pixels": {}, "more": 1}',
    ],
    ids=repr,
)
def test_what_is_none_is_refused(text):
    with pytest.raises(DataError, match="no fingerprint"):
        Fingerprint.from_json(text)


def test_the_command_prints_and_compares(own, tmp_path, capsys):
    assert command.main(["fingerprint"], {}) == 0
    assert json.loads(capsys.readouterr().out)["pixels"] == dict(own.pixels)
    same, other = tmp_path / "same.json", tmp_path / "other.json"
    same.write_text(own.to_json())
    pixels = {**own.pixels, "JPEG": "0" * 64}
    other.write_text(replace(own, decoders="another library", pixels=pixels).to_json())
    assert command.main(["fingerprint", str(same)], {}) == 0
    assert "alike" in capsys.readouterr().err
    assert command.main(["fingerprint", str(same), str(other)], {}) == 1
    assert f"{other} (another library) decodes JPEG otherwise" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"{", "no fingerprint of decoders: it is not JSON"),
        (b"[" * 200_000, "is too large for a fingerprint of decoders"),
    ],
)
def test_a_file_that_is_none_is_named_before_anything_is_printed(content, told, tmp_path, capsys):
    path = tmp_path / "north.json"
    if content is not None:
        path.write_bytes(content)
    assert command.main(["fingerprint", str(path)], {}) == 1
    assert capsys.readouterr() == ("", f"Error: {path}: {told}\n")
