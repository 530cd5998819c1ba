"""One JPEG and one DICOM file, as four libraries read them, beside what becomes of them here."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.apart.environment import python_of, run
from tests.tff_health.data.own.test_dicom import write
from tff_health.data.own import fingerprint
from tff_health.data.own.dicom import read_dicom
from tff_health.data.own.pictures import read_picture

pytestmark = pytest.mark.apart
PROGRAM = Path(__file__).with_name("read_images.py")
PHOTO, SCAN = (fingerprint._FOLDER / name for name in ("photo.jpg", "scan.dcm"))
PINNED = (
    *("pillow==13.0.0", "opencv-python-headless==5.0.0.93", "tensorflow-cpu==2.21.0"),
    *("SimpleITK==2.5.7", "pydicom==3.0.2"),
)


DEEP = (np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) % 3000) + 100  # of 12 bits
SLOPE, INTERCEPT, CENTRE, WIDTH = 2, -100, 3000, 2000


@pytest.fixture(scope="module")
def deep(tmp_path_factory):
    values = {"RescaleSlope": str(SLOPE), "RescaleIntercept": str(INTERCEPT)}
    window = {"WindowCenter": str(CENTRE), "WindowWidth": str(WIDTH)}
    path = tmp_path_factory.mktemp("deep") / "deep.dcm"
    return write(path, DEEP, "MONOCHROME1", 12, **values, **window)


@pytest.fixture(scope="module")
def told(deep, tmp_path_factory):
    """Versions, and pixels by reader as int."""
    folder = tmp_path_factory.mktemp("readers")
    python = python_of("SimpleITK==2.5.7", *PINNED)
    text = run(python, PROGRAM, folder, PHOTO, SCAN, deep, TF_CPP_MIN_LOG_LEVEL="3")
    return json.loads(text), {path.stem: np.load(path).astype(int) for path in folder.glob("*.npy")}


def share_that_differs(one, other):
    return np.mean(one != other)


def test_four_readers_of_one_jpeg(told):
    versions, pixels = told
    assert versions["OpenCV"].startswith("5.0")
    ours = np.asarray(read_picture(PHOTO)).astype(int)
    assert share_that_differs(pixels["Pillow"], ours) == 0
    assert share_that_differs(pixels["OpenCV"], ours) == 0
    assert share_that_differs(pixels["TensorFlow"], ours) > 0.3  # a fast transform
    assert share_that_differs(pixels["SimpleITK"], ours) > 0.3  # colours are repeated
    assert np.abs(pixels["SimpleITK"] - ours).max() > np.abs(pixels["TensorFlow"] - ours).max()


def test_monochrome1_is_turned_over_once(told):
    """SimpleITK turns it over while reading, and its header still says MONOCHROME1."""
    versions, pixels = told
    stored = pixels["scan_stored"]  # by libjpeg-turbo; pylibjpeg rounds some values otherwise
    ours = np.asarray(read_dicom(SCAN)).astype(int)
    assert np.abs(ours - (255 - stored)).max() <= 1
    assert share_that_differs(pixels["scan_SimpleITK"], 255 - stored) == 0
    # To trust it would turn both over again.
    assert versions["interpretations"] == {"scan": "MONOCHROME1", "deep": "MONOCHROME1"}


def test_it_is_turned_over_after_rescaling_and_the_window(told, deep):
    """SimpleITK does so before rescaling, so that the header's window is of other values."""
    _, pixels = told
    assert share_that_differs(pixels["deep_stored"], DEEP) == 0
    rescaled = SLOPE * DEEP.astype(int) + INTERCEPT
    turned = SLOPE * (4095 - DEEP.astype(int)) + INTERCEPT
    assert share_that_differs(pixels["deep_SimpleITK"], turned) == 0
    shown = (rescaled - (CENTRE - 0.5)) / (WIDTH - 1) + 0.5  # PS3.3 C.11.2.1.2
    ours = np.asarray(read_dicom(deep)).astype(int)
    assert np.abs(ours - (255 - 255 * np.clip(shown, 0, 1))).max() <= 1
