"""Each row of the table in docs/own_images.md is shown by a test."""

import re
from pathlib import Path

import pytest

from tests.tff_health.data.own import test_arrays as arrays
from tests.tff_health.data.own import test_dicom as dicom
from tests.tff_health.data.own import test_folders as folders
from tests.tff_health.data.own import test_pictures as pictures

PAGE = Path(__file__).parents[4] / "docs" / "own_images.md"
SHOWN_BY = {
    "JPEG": (pictures, "jpeg_is_decoded_within_its_losses"),
    "PNG, TIFF, BMP, GIF, WebP, JPEG 2000 of 8 bits": (
        pictures,
        "grey_and_rgb_of_8_bits_stay_as_they_are",
    ),
    "grey of 16 bits": (pictures, "grey_of_16_bits_is_scaled_by_its_range_not_by_its_content"),
    "RGB of 16 bits": (pictures, "rgb_of_16_bits_keeps_its_higher_8"),
    "black and white": (pictures, "black_and_white_become_0_and_255"),
    "palette": (pictures, "palettes_are_applied"),
    "CMYK": (pictures, "cmyk_becomes_rgb"),
    "transparent pixels": (pictures, "transparent_pixels_lie_on_black"),
    "EXIF orientation": (pictures, "images_are_turned_upright"),
    "a telephone's JPEG with a preview in it": (
        pictures,
        "of_a_telephones_two_images_the_first_is_taken",
    ),
    "several images in a file": (pictures, "several_images_in_one_file_are_refused"),
    "32 bits, LAB": (pictures, "32_bits_are_refused"),
    "DICOM, MONOCHROME2 of 8 bits": (dicom, "8_bits_stay_as_they_are"),
    "DICOM, MONOCHROME1": (dicom, "monochrome1_is_inverted_once"),
    "DICOM, rescaling or modality LUT": (dicom, "values_are_rescaled_before_the_window"),
    "DICOM, VOI LUT or window": (dicom, "of_several_windows_the_first_is_applied"),
    "DICOM of more than 8 bits without a window": (
        dicom,
        "more_bits_without_a_window_go_from_the_darkest_to_the_brightest",
    ),
    "DICOM, RGB": (dicom, "rgb_of_16_bits_is_scaled_by_its_bits"),
    "DICOM, YBR": (dicom, "ybr_becomes_rgb"),
    "DICOM, PALETTE COLOR": (dicom, "a_palette_is_applied"),
    "DICOM, compressed (RLE, JPEG, JPEG lossless, JPEG-LS, JPEG 2000)": (
        dicom,
        "compressed_files_show_what_their_uncompressed_twins_do",
    ),
    "DICOM, several frames": (dicom, "what_is_no_single_image_of_8_or_16_bits_is_refused"),
    "DICOM, no image, 1 or 32 bits, film": (
        dicom,
        "a_film_is_refused_by_the_name_of_its_compression",
    ),
    "floats in an npz": (arrays, "uint16_and_floats_are_scaled_by_their_range"),
    "uint16 in an npz": (arrays, "uint16_and_floats_are_scaled_by_their_range"),
    "grey and coloured images together": (folders, "grey_and_coloured_images_become_rgb_together"),
    "sides of fewer than 8 pixels, more than 89 million pixels": (
        pictures,
        "too_many_pixels_are_refused_by_the_header_alone",
    ),
}


def test_the_table_has_these_rows():
    table = PAGE.read_text(encoding="utf-8").partition("<!-- rows:")[2].partition("\n\n## ")[0]
    rows = [row.strip() for row in re.findall(r"(?m)^\|([^|]*)\|[^|]*\|$", table)]
    assert rows[2:] == [*SHOWN_BY]


@pytest.mark.parametrize("kind", SHOWN_BY)
def test_each_is_shown_by_a_test(kind):
    module, name = SHOWN_BY[kind]
    assert callable(getattr(module, f"test_{name}"))
