"""What becomes of pictures: each row of the table in docs/own_images.md, on a file made here."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.tff_health.data.own.drawn import COLOURED, GREY
from tff_health.data.own.listed import UnreadableError
from tff_health.data.own.pictures import read_picture

TRANSPARENT = np.dstack([COLOURED, np.full_like(GREY, 255)])
TRANSPARENT[:6, :, 3] = 0


def kept(array, path, **options):
    Image.fromarray(array).save(path, **options)
    return np.asarray(read_picture(path))


def assert_equal(found, expected, tolerance=0):
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected.astype(int)).max() <= tolerance


@pytest.mark.parametrize("suffix", ["png", "tiff", "bmp", "gif", "webp", "jp2"])
def test_grey_and_rgb_of_8_bits_stay_as_they_are(tmp_path, suffix):
    options = {"lossless": True} if suffix == "webp" else {}
    if suffix not in ("webp", "gif"):  # which know no grey
        assert_equal(kept(GREY, tmp_path / f"grey.{suffix}", **options), GREY)
    if suffix != "gif":
        assert_equal(kept(COLOURED, tmp_path / f"coloured.{suffix}", **options), COLOURED)


def test_jpeg_is_decoded_within_its_losses(tmp_path):
    ramp = np.asarray(Image.fromarray(GREY).resize((160, 120)))
    assert_equal(kept(ramp, tmp_path / "a.jpg", quality=95), ramp, 3)


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_grey_of_16_bits_is_scaled_by_its_range_not_by_its_content(tmp_path, suffix):
    deep = GREY.astype(np.uint16) * 257
    assert_equal(kept(deep, tmp_path / f"deep.{suffix}"), GREY)
    assert kept(deep // 4, tmp_path / f"dark.{suffix}").max() == 64


def test_rgb_of_16_bits_keeps_its_higher_8(tmp_path):
    path = tmp_path / "deep.png"
    path.write_bytes(png_of_16_bits(COLOURED))
    assert_equal(np.asarray(read_picture(path)), COLOURED)


def png_of_16_bits(pixels):
    height, width, _ = pixels.shape
    deep = (pixels.astype(">u2") * 256 + 99).astype(">u2")
    lines = b"".join(b"\0" + line.tobytes() for line in deep)
    return _png(struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0), lines)


def _png(header, lines):
    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_black_and_white_become_0_and_255(tmp_path):
    Image.fromarray(GREY > 128).save(tmp_path / "a.png")
    assert_equal(np.asarray(read_picture(tmp_path / "a.png")), np.where(GREY > 128, 255, 0))


def test_palettes_are_applied(tmp_path):
    image = Image.fromarray(COLOURED).quantize(200)
    image.save(tmp_path / "a.png")
    assert image.mode == "P"
    assert_equal(np.asarray(read_picture(tmp_path / "a.png")), np.asarray(image.convert("RGB")))


def test_cmyk_becomes_rgb(tmp_path):
    Image.new("CMYK", (16, 12), (255, 0, 0, 0)).save(tmp_path / "a.tiff")
    expected = np.broadcast_to(np.array([0, 255, 255], np.uint8), (12, 16, 3))
    assert_equal(np.asarray(read_picture(tmp_path / "a.tiff")), expected)


def test_transparent_pixels_lie_on_black(tmp_path):
    expected = COLOURED.copy()
    expected[:6] = 0
    assert_equal(kept(TRANSPARENT, tmp_path / "a.png"), expected)
    grey = np.dstack([GREY, TRANSPARENT[..., 3]])
    assert_equal(kept(grey, tmp_path / "grey.png"), np.where(grey[..., 1], GREY, 0))


def test_a_transparent_colour_of_a_palette_lies_on_black(tmp_path):
    image = Image.fromarray(COLOURED).quantize(200)
    image.save(tmp_path / "a.png", transparency=image.getpixel((0, 0)))
    assert read_picture(tmp_path / "a.png").getpixel((0, 0)) == (0, 0, 0)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_upright(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.asarray(Image.fromarray(GREY))
    turned = {
        **{1: stored, 2: stored[:, ::-1], 3: stored[::-1, ::-1], 4: stored[::-1]},
        **{5: stored.T, 6: stored[::-1].T, 7: stored[::-1, ::-1].T, 8: stored[:, ::-1].T},
    }
    assert_equal(kept(GREY, tmp_path / "a.png", exif=exif), turned[orientation])


def test_of_a_telephones_two_images_the_first_is_taken(tmp_path):
    first, preview = Image.fromarray(COLOURED), Image.new("RGB", (8, 8))
    first.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[preview])
    assert read_picture(tmp_path / "a.jpg").size == (16, 12)


def refusal(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UnreadableError) as error:
            read_picture(path)
    return str(error.value)


@pytest.mark.parametrize("suffix", ["tiff", "gif", "webp", "png"])
def test_several_images_in_one_file_are_refused(tmp_path, suffix):
    others = [Image.fromarray(COLOURED[::-1]), Image.fromarray(COLOURED[:, ::-1])]
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(COLOURED).save(path, save_all=True, append_images=others)
    assert refusal(path) == "it holds 3 images: save one of them"


@pytest.mark.parametrize("array", [GREY.astype(np.float32), GREY.astype(np.int32)])
def test_32_bits_are_refused(tmp_path, array):
    Image.fromarray(array).save(tmp_path / "a.tiff")
    assert "32 bits a pixel" in refusal(tmp_path / "a.tiff")


def test_lab_is_refused(tmp_path):
    Image.new("LAB", (16, 12)).save(tmp_path / "a.tiff")
    assert "mode LAB" in refusal(tmp_path / "a.tiff")


def test_a_truncated_jpeg_is_refused(tmp_path):
    stream = io.BytesIO()
    Image.effect_noise((80, 60), 90).save(stream, "JPEG")
    (tmp_path / "a.jpg").write_bytes(stream.getvalue()[:-900])
    assert "truncated" in refusal(tmp_path / "a.jpg")


def test_text_under_the_name_of_an_image_is_refused(tmp_path):
    (tmp_path / "a.png").write_text("no image")
    assert refusal(tmp_path / "a.png") == "it is no image of a kind that is read"


def test_one_pixel_is_refused(tmp_path):
    Image.new("L", (1, 1)).save(tmp_path / "a.png")
    assert refusal(tmp_path / "a.png") == "it has 1x1 pixels, fewer than 8x8"


@pytest.mark.parametrize("side", [9_460, 12_000, 30_000])
def test_too_many_pixels_are_refused_by_the_header_alone(tmp_path, side):
    path = tmp_path / "a.png"
    path.write_bytes(_png(struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0), b""))
    assert "pixels" in refusal(path)


def test_a_missing_file_is_told_by_the_systems_word(tmp_path):
    assert refusal(tmp_path / "a.png") == "No such file or directory"


@pytest.mark.parametrize("fit", ["crop", "pad"])
@pytest.mark.parametrize("size", [(600, 450), (601, 453), (450, 600), (640, 640)])
@pytest.mark.parametrize("side", [32, 64, 128])
def test_decoding_a_fraction_gives_nearly_what_reducing_all_does(tmp_path, size, fit, side):
    blobs = np.random.default_rng(0).integers(60, 200, (18, 24, 3)).astype(np.uint8)
    image = Image.fromarray(blobs).resize(size, Image.Resampling.BICUBIC)
    image.save(tmp_path / "a.png")
    image.save(tmp_path / "a.jpg", quality=98, subsampling=0)
    found, expected = (
        np.asarray(read_picture(tmp_path / name, side, fit)).astype(int)
        for name in ("a.jpg", "a.png")
    )
    assert np.abs(found - expected).mean() < 1
    assert np.abs(found - expected).max() <= 8


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_and_square_come_to_the_same_in_either_order(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(COLOURED).save(tmp_path / "a.png", exif=exif)
    upright = read_picture(tmp_path / "a.png")
    upright.save(tmp_path / "b.png")
    for fit in ("crop", "pad"):
        found, expected = (read_picture(tmp_path / name, 8, fit) for name in ("a.png", "b.png"))
        assert_equal(np.asarray(found), np.asarray(expected), 1)
