"""DICOM files as plain grey or RGB of 8 bits; by pydicom, and pylibjpeg where they are compressed.

Nothing of a header is kept or told: errors are worded here, as those of libraries quote values.
"""

import io
import logging
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tff_health.data.own.fitting import to_bytes
from tff_health.data.own.listed import UnreadableError
from tff_health.data.own.pictures import check_size

SUFFIXES = frozenset({".dcm", ".dicom", ".ima"})
_MAGIC = b"DICM"
_MAGIC_AT = 128
_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLOURED = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "PALETTE COLOR")
_MAX_BYTES = 2**30
_PACKAGES = ("pydicom", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg")
# Of the plug-ins that are installed, pydicom takes any that decodes, and they decode differently.
_PLUGINS = ("pydicom", "pylibjpeg")  # the former has RLE alone

Array = NDArray[Any]


def is_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM files do, whatever its name."""
    try:
        with path.open("rb") as file:
            return file.read(_MAGIC_AT + len(_MAGIC))[_MAGIC_AT:] == _MAGIC
    except OSError:
        return False


def decoder() -> str:
    """Returns what decodes, with versions."""
    from importlib import metadata

    return ", ".join(f"{name} {metadata.version(name)}" for name in _PACKAGES)


@contextmanager
def silenced() -> Iterator[None]:
    """Keeps pydicom from telling what is wrong with headers, which quotes them."""
    logger = logging.getLogger("pydicom")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"pydicom\b")
        try:
            yield
        finally:
            logger.setLevel(level)


def read_dicom(path: Path) -> Image.Image:
    """Reads the one image of a DICOM file, as a viewer shows it at first.

    Returns:
        An image of mode L or RGB. Grey values go through rescaling or modality LUT, then through
        the first VOI LUT or window. Without one, 8 stored bits stay as they are, and of more the
        darkest and the brightest value of the image become 0 and 255. MONOCHROME1 is inverted,
        palettes are applied and YBR becomes RGB.

    Raises:
        UnreadableError: if it cannot be read, or holds no image, several, or one of another kind.
    """
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        _check_length(path)
        dataset = dcmread(io.BytesIO(path.read_bytes()))
        _check(dataset)
    except UnreadableError:
        raise
    except OSError as error:
        raise UnreadableError(error.strerror or "it is damaged") from None
    except InvalidDicomError:
        raise UnreadableError("it is no DICOM file") from None
    except Exception as error:  # whatever a parser stumbles over
        raise UnreadableError(f"its header is damaged ({type(error).__name__})") from None
    stored = _stored(dataset)
    try:
        return Image.fromarray(_plain(dataset, stored))
    except Exception as error:  # values of any kind may stand in a header
        raise UnreadableError(
            f"its window, look-up table or rescaling is damaged ({type(error).__name__})"
        ) from None


def _check_length(path: Path) -> None:
    if path.stat().st_size > _MAX_BYTES:
        raise UnreadableError(f"it has more than {_MAX_BYTES:,} bytes")


def _check(dataset: Any) -> None:
    dataset.file_meta.TransferSyntaxUID  # noqa: B018 - raises if there is none
    if "PixelData" not in dataset:
        raise UnreadableError("it holds no image, or one of floats")
    check_size(int(dataset.Columns), int(dataset.Rows))
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames > 1:
        raise UnreadableError(f"it holds {frames} frames: save one of them as a file of its own")
    if dataset.PhotometricInterpretation not in (*_GREY, *_COLOURED):
        raise UnreadableError("its photometric interpretation is not read")
    if dataset.BitsAllocated not in (8, 16):
        raise UnreadableError(f"it has {int(dataset.BitsAllocated)} bits a value, not 8 or 16")


def _stored(dataset: Any) -> Array:
    """The pixels as they are stored, but for YBR, which is RGB then."""
    from pydicom.pixels.utils import pixel_array

    plugin = _plugin(dataset.file_meta.TransferSyntaxUID)
    try:
        return pixel_array(dataset, decoding_plugin=plugin)
    except Exception as error:  # whatever a decoder stumbles over
        raise UnreadableError(f"its pixels are damaged ({type(error).__name__})") from None


def _plugin(syntax: Any) -> str:
    """What decodes this compression; "" if there is none."""
    from pydicom.pixels.decoders.base import get_decoder

    try:
        known = get_decoder(syntax)
    except NotImplementedError:
        plugins: tuple[str, ...] = ()
    else:
        if known.is_native:
            return ""
        plugins = known.available_plugins
    for plugin in _PLUGINS:
        if plugin in plugins:
            return plugin
    # the standard's own name, or a number; nothing else may stand there
    name = syntax.name if syntax.is_transfer_syntax and not syntax.is_private else "private"
    raise UnreadableError(f"it is compressed as {name}, which is not read")


def _plain(dataset: Any, stored: Array) -> NDArray[np.uint8]:
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        from pydicom.pixels.processing import apply_color_lut

        coloured = apply_color_lut(stored, dataset)[..., :3]
        return to_bytes(coloured, 0, np.iinfo(coloured.dtype).max)
    if dataset.PhotometricInterpretation in _COLOURED:
        return to_bytes(stored, 0, 2 ** int(dataset.BitsStored) - 1)
    grey = _grey(dataset, stored)
    return ~grey if dataset.PhotometricInterpretation == "MONOCHROME1" else grey


def _grey(dataset: Any, stored: Array) -> NDArray[np.uint8]:
    from pydicom.pixels.processing import apply_modality_lut, apply_windowing

    values = apply_modality_lut(stored, dataset)
    darkest, brightest = _range(dataset)
    if dataset.get("VOILUTSequence"):
        table, first, bits = _look_up_table(dataset, dataset.VOILUTSequence[0])
        places = np.clip(np.rint(values).astype(np.int64) - first, 0, len(table) - 1)
        return to_bytes(table[places], 0, 2**bits - 1)
    if "WindowCenter" in dataset and "WindowWidth" in dataset:
        # a negative slope makes `darkest` the larger one, there as here
        return to_bytes(apply_windowing(values, dataset), darkest, brightest)
    if int(dataset.BitsStored) > 8:
        darkest, brightest = _extremes(dataset, stored, values)
    return to_bytes(values, *sorted((darkest, brightest)))


def _extremes(dataset: Any, stored: Array, values: Array) -> tuple[float, float]:
    """The darkest and the brightest value; what pads the image beside its content is left out."""
    if "PixelPaddingValue" in dataset:
        content = values[stored != int(dataset.PixelPaddingValue)]
        values = content if content.size else values
    return float(values.min()), float(values.max())


def _range(dataset: Any) -> tuple[float, float]:
    """What the smallest and the largest stored value become by rescaling or modality LUT."""
    if dataset.get("ModalityLUTSequence"):
        return 0, 2 ** int(dataset.ModalityLUTSequence[0].LUTDescriptor[2]) - 1
    bits = int(dataset.BitsStored)
    low = -(2 ** (bits - 1)) if dataset.PixelRepresentation else 0
    slope, intercept = 1.0, 0.0
    if "RescaleSlope" in dataset and "RescaleIntercept" in dataset:
        slope, intercept = float(dataset.RescaleSlope), float(dataset.RescaleIntercept)
    return low * slope + intercept, (low + 2**bits - 1) * slope + intercept


def _look_up_table(dataset: Any, item: Any) -> tuple[Array, int, int]:
    """The table of a VOI LUT, the value of its first entry, and its bits.

    pydicom 3.0 looks values up modulo 256 in tables of 8 bits (`apply_voi`).
    """
    entries, first, bits = (int(number) for number in item.LUTDescriptor)
    entries = entries or 2**16
    data = item.LUTData
    if isinstance(data, bytes):
        order = "<" if dataset.file_meta.TransferSyntaxUID.is_little_endian else ">"
        data = struct.unpack_from(f"{order}{entries}H", data)
    return np.asarray(data, np.int64), first, bits
