"""What becomes of DICOM files: of pydicom's own, and of files made here."""

import io
import logging
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder, pixel_array
from pydicom.uid import (
    MPEG2MPML,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    SecondaryCaptureImageStorage,
)

from tests.tff_health.data.own.drawn import COLOURED, GREY
from tff_health.data.own import dicom
from tff_health.data.own.dicom import read_dicom
from tff_health.data.own.listed import UnreadableError

SHIPPED = Path(pydicom.__file__).parent / "data" / "test_files"
PATIENT = "Doe^Jane"


def write(path, pixels, interpretation="MONOCHROME2", bits=8, **values):
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.PatientName = PATIENT
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.SamplesPerPixel = 1 if pixels.ndim == 2 else 3
    dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = interpretation
    dataset.BitsAllocated = 8 * pixels.dtype.itemsize
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
    for name, value in values.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def table(entries, first, bits):
    item = Dataset()
    item.LUTDescriptor = [len(entries), first, bits]
    item.add_new(0x00283006, "US", list(map(int, entries)))
    return item


@pytest.fixture
def kept(tmp_path):
    def read(*arguments, **values):
        return np.asarray(read_dicom(write(tmp_path / "a.dcm", *arguments, **values)))

    return read


DEEP = GREY.astype(np.uint16) * 16  # 12 bits, of which the brightest is 4080


def test_8_bits_stay_as_they_are(kept):
    assert np.array_equal(kept(GREY // 2), GREY // 2)
    assert np.array_equal(kept(COLOURED, "RGB"), COLOURED)


def test_more_bits_without_a_window_go_from_the_darkest_to_the_brightest(kept):
    assert np.array_equal(kept(DEEP, bits=12), GREY)
    assert np.array_equal(kept(DEEP // 4 + 500, bits=16), GREY)
    assert not kept(np.full_like(DEEP, 7), bits=16).any()


def test_values_that_pad_an_image_are_neither(kept):
    padded = DEEP.astype(np.int16) + 100
    padded[:, :2] = -2000
    found = kept(padded, bits=16, PixelPaddingValue=-2000)
    assert found[:, 2:].min() == 0
    assert found.max() == 255
    assert not found[:, :2].any()


def test_signed_values_are_read_as_such(kept):
    assert np.array_equal(kept(DEEP.astype(np.int16) - 2040, bits=12), GREY)


def test_monochrome1_is_inverted_once(kept):
    assert np.array_equal(kept(GREY, "MONOCHROME1"), 255 - GREY)
    assert np.array_equal(kept(DEEP, "MONOCHROME1", bits=12), 255 - GREY)
    windowed = kept(DEEP, "MONOCHROME1", bits=12, WindowCenter=2040.5, WindowWidth=4081)
    assert np.array_equal(windowed, 255 - GREY)


def test_of_several_windows_the_first_is_applied(kept):
    found = kept(DEEP, bits=12, WindowCenter=["1000.5", "50"], WindowWidth=["1001", "10"])
    assert np.array_equal(found, np.clip(np.rint((DEEP - 500.0) * 255 / 1000), 0, 255))


@pytest.mark.parametrize("slope", [2, -2])
def test_values_are_rescaled_before_the_window(kept, slope):
    rescaled = slope * DEEP.astype(float) - 1024
    options = {"RescaleSlope": slope, "RescaleIntercept": -1024}
    found = kept(DEEP, bits=12, WindowCenter=1000.5, WindowWidth=1001, **options)
    assert np.array_equal(found, np.clip(np.rint((rescaled - 500) * 255 / 1000), 0, 255))
    unwindowed = kept(DEEP, bits=12, **options)
    assert np.array_equal(unwindowed, GREY if slope > 0 else 255 - GREY)


def test_a_modality_table_is_looked_up(kept):
    inverse = np.arange(255, -1, -1)
    found = kept(GREY, ModalityLUTSequence=[table(inverse, 0, 8)])
    assert np.array_equal(found, 255 - GREY)


@pytest.mark.parametrize("bits", [8, 12])
def test_a_voi_table_is_looked_up_as_far_as_it_goes(kept, bits):
    entries = np.linspace(0, 2**bits - 1, 1000).astype(int)
    found = kept(DEEP, bits=12, VOILUTSequence=[table(entries, 500, bits)])
    expected = np.rint(entries[np.clip(DEEP.astype(int) - 500, 0, 999)] * 255 / (2**bits - 1))
    assert np.array_equal(found, expected)


def test_a_palette_is_applied(kept):
    red, green, blue = (np.arange(256) * 257, np.arange(255, -1, -1) * 257, np.full(256, 40 * 257))
    palette = {
        f"{colour}PaletteColorLookupTable{what}": value
        for colour, data in (("Red", red), ("Green", green), ("Blue", blue))
        for what, value in (
            ("Descriptor", [256, 0, 16]),
            ("Data", data.astype("<u2").tobytes()),
        )
    }
    found = kept(GREY, "PALETTE COLOR", **palette)
    assert np.array_equal(found, np.dstack([GREY, 255 - GREY, np.full_like(GREY, 40)]))


def test_ybr_becomes_rgb(kept):
    grey = np.dstack([GREY, np.full_like(GREY, 128), np.full_like(GREY, 128)])
    assert np.array_equal(kept(grey, "YBR_FULL"), np.dstack([GREY] * 3))


def test_rgb_of_16_bits_is_scaled_by_its_bits(kept):
    found = kept(COLOURED.astype(np.uint16) * 257, "RGB", bits=16)
    assert np.array_equal(found, COLOURED)


COMPRESSED = {
    "MR_small_RLE.dcm": "MR_small.dcm",
    "MR_small_jp2klossless.dcm": "MR_small.dcm",
    "MR_small_jpeg_ls_lossless.dcm": "MR_small.dcm",
    "MR_small_bigendian.dcm": "MR_small.dcm",
    "SC_rgb_rle.dcm": "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_rgb_rle_16bit.dcm": "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_rgb_jpeg_gdcm.dcm": "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_rgb_gdcm_KY.dcm": "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_rgb_jpeg_dcmtk.dcm": "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_ybr_full_422_uncompressed.dcm": "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_rgb_dcmtk_+eb+cy+n2.dcm": "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_rgb_dcmtk_+eb+cy+s4.dcm": "SC_rgb_dcmtk_+eb+cr.dcm",
}


@pytest.mark.parametrize(("name", "other"), COMPRESSED.items())
def test_compressed_files_show_what_their_uncompressed_twins_do(name, other):
    found, expected = (np.asarray(read_dicom(SHIPPED / n)).astype(int) for n in (name, other))
    assert found.shape == expected.shape
    assert np.abs(found - expected).mean() < 1  # some went through JPEG's losses


@pytest.mark.parametrize(
    ("name", "mode", "size"),
    [
        ("JPGExtended.dcm", "L", (256, 1024)),  # 12 bits
        ("JPEGLSNearLossless_16.dcm", "L", (10, 50)),
        ("693_J2KI.dcm", "L", (512, 512)),
        ("GDCMJ2K_TextGBR.dcm", "RGB", (400, 400)),
        ("examples_jpeg2k.dcm", "RGB", (640, 480)),
        ("examples_palette.dcm", "RGB", (800, 350)),
        ("image_dfl.dcm", "L", (512, 512)),
    ],
)
def test_other_syntaxes_are_read(name, mode, size):
    image = read_dicom(SHIPPED / name)
    assert (image.mode, image.size) == (mode, size)
    low, high = image.convert("L").getextrema()
    assert high - low > 100


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("examples_ybr_color.dcm", "it holds 30 frames: save one of them as a file of its own"),
        ("MR_truncated.dcm", "its pixels are damaged (ValueError)"),
        ("rtplan.dcm", "it holds no image, or one of floats"),
        ("test-SR.dcm", "it holds no image, or one of floats"),
        ("SC_rgb_rle_32bit.dcm", "it has 32 bits a value, not 8 or 16"),
        ("liver_1frame.dcm", "it has 1 bits a value, not 8 or 16"),
        ("SC_rgb_small_odd.dcm", "it has 3x3 pixels, fewer than 8x8"),
        ("README.txt", "it is no DICOM file"),
        ("no such file", "No such file or directory"),
    ],
)
def test_what_is_no_single_image_of_8_or_16_bits_is_refused(name, reason):
    with pytest.raises(UnreadableError) as error:
        read_dicom(SHIPPED / name)
    assert str(error.value) == reason


def test_a_film_is_refused_by_the_name_of_its_compression(tmp_path):
    syntax = FileMetaDataset()
    syntax.TransferSyntaxUID = MPEG2MPML
    syntax.MediaStorageSOPClassUID, syntax.MediaStorageSOPInstanceUID = "1.2", "1.2.3"
    frames = encapsulate([GREY.tobytes()])
    path = write(tmp_path / "a.dcm", GREY, file_meta=syntax, PixelData=frames)
    with pytest.raises(UnreadableError, match=r"it is compressed as MPEG2 .*, which is not read"):
        read_dicom(path)


@pytest.mark.parametrize(
    "values",
    [
        {"Rows": 40_000, "Columns": 40_000},
        {"WindowCenter": 5, "WindowWidth": 0},
        {"PhotometricInterpretation": PATIENT},
        {"NumberOfFrames": 3},
    ],
)
def test_errors_hold_nothing_of_the_header(tmp_path, values, caplog, capfd):
    path = write(tmp_path / "a.dcm", DEEP, bits=12, **values)
    caplog.clear()
    capfd.readouterr()
    with dicom.silenced(), pytest.raises(UnreadableError) as error:
        read_dicom(path)
    assert "Doe" not in f"{error.value}{caplog.text}{''.join(capfd.readouterr())}"


def test_warnings_of_the_library_are_kept_quiet_only_while_reading(tmp_path, caplog, recwarn):
    path = write(tmp_path / "a.dcm", GREY)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"1.2.3\0", b"1.02.3"[:6], 2))  # no valid UID
    with dicom.silenced():
        read_dicom(path)
    assert not caplog.records
    assert not recwarn.list
    assert logging.getLogger("pydicom").level != logging.CRITICAL + 1


def test_dicom_files_are_known_by_their_beginning(tmp_path):
    assert dicom.is_dicom(write(tmp_path / "IM0001", GREY))
    assert not dicom.is_dicom(SHIPPED / "README.txt")
    assert not dicom.is_dicom(tmp_path / "missing")


@pytest.fixture
def compressed(tmp_path):
    """A colour JPEG in a DICOM file, which plug-ins decode differently."""
    rows, columns = np.mgrid[:64, :96]
    waves = (rows / 5 + columns / 9, columns / 6 - rows / 11, (rows + columns) / 8)
    pixels = np.stack([127 + 120 * np.sin(wave) for wave in waves], -1).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=90, subsampling=2)
    path = write(tmp_path / "a.dcm", pixels, "YBR_FULL_422")
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PixelData = encapsulate([stream.getvalue()])
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(path, enforce_file_format=True)
    return path


def offer(monkeypatch, plugins):
    """Has pydicom find these plug-ins for JPEG, in this order."""
    decoder = get_decoder(JPEGBaseline8Bit)
    monkeypatch.setattr(decoder, "_available", {name: decoder._available[name] for name in plugins})


def test_jpeg_is_decoded_by_one_plugin_though_plugins_differ(compressed, monkeypatch):
    """pydicom 3.0.2 takes the first that is installed, and goes on to the next if that fails."""
    by_pylibjpeg, by_pillow = (
        pixel_array(compressed, decoding_plugin=plugin).astype(int)
        for plugin in ("pylibjpeg", "pillow")
    )
    assert np.mean(by_pylibjpeg != by_pillow) > 0.1
    assert np.abs(by_pylibjpeg - by_pillow).max() > 2
    assert np.array_equal(read_dicom(compressed), by_pylibjpeg)
    offer(monkeypatch, ["pillow", "pylibjpeg"])
    assert np.array_equal(pixel_array(compressed), by_pillow)
    assert np.array_equal(read_dicom(compressed), by_pylibjpeg)


def test_without_that_plugin_jpeg_is_refused_and_not_decoded_by_another(compressed, monkeypatch):
    offer(monkeypatch, ["pillow"])
    with pytest.raises(UnreadableError, match=r"compressed as JPEG Baseline .*, which is not read"):
        read_dicom(compressed)
