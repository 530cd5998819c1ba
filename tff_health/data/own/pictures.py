"""Pictures, of JPEG, PNG, TIFF and their like, as plain grey or RGB of 8 bits; by Pillow."""

from pathlib import Path

import numpy as np
from PIL import (  # formats count as known once their plug-ins are imported
    Image,
    Jpeg2KImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
    features,
)

from tff_health.data.own.fitting import squared, to_bytes
from tff_health.data.own.listed import UnreadableError
from tff_health.data.reading import MIN_SIDE

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif"}
    | {".jp2", ".j2k", ".jpx"}
)
MAX_PIXELS = 9_459**2
"""Most pixels of an image, so that none fills the memory; Pillow warns from here on itself."""
_FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF", "JPEG2000")
_GREY = ("1", "L")
_COLOURED = ("RGB", "P", "CMYK", "YCbCr", "RGBX")
# A JPEG is decoded at a half, a quarter or an eighth, as long as a side has so many times the
# pixels asked for: most colours are then off by 1 of 255 or less from what all of it would give.
_SPARE = 1.5
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_picture(path: Path, side: int = 0, fit: str = "crop") -> Image.Image:
    """Reads one picture, upright as its EXIF orientation says.

    Args:
        path: the file.
        side: of the square that it is brought to, in pixels; 0 to leave it as it is.
        fit: how it is made square, as in `Reading`.

    Returns:
        An image of mode L or RGB. What is transparent lies on black; colour profiles are ignored.

    Raises:
        UnreadableError: if it cannot be read, or is not one image of a size and depth that can.
    """
    try:
        with Image.open(path, formats=_FORMATS) as image:
            check_size(image.width, image.height)
            _check_single(image)
            turn = _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
            extent = _decode_less(image, side, fit) if side else None
            plain = _plain(image)
            if side:
                plain = squared(plain, side, fit, extent)
            return plain if turn is None else plain.transpose(turn)
    except UnreadableError:
        raise
    except UnidentifiedImageError:
        raise UnreadableError("it is no image of a kind that is read") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnreadableError(f"it has more than {MAX_PIXELS:,} pixels") from None
    except OSError as error:
        raise UnreadableError(error.strerror or _worded(error)) from None
    except Exception as error:  # whatever a decoder stumbles over
        raise UnreadableError(_worded(error)) from None


def check_size(width: int, height: int) -> None:
    """Refuses images before they are decoded.

    Raises:
        UnreadableError: if there are too many pixels, or too few.
    """
    if width * height > MAX_PIXELS:
        raise UnreadableError(f"it has {width}x{height} pixels, more than {MAX_PIXELS:,} in all")
    if min(width, height) < MIN_SIDE:
        raise UnreadableError(f"it has {width}x{height} pixels, fewer than {MIN_SIDE}x{MIN_SIDE}")


def _decode_less(image: Image.Image, side: int, fit: str) -> tuple[float, float] | None:
    """Lets a JPEG be decoded at a fraction; returns its width and height then, perhaps x.5."""
    scale = _SPARE * side / (min(image.size) if fit == "crop" else max(image.size))
    drafted = image.draft(None, (round(image.width * scale), round(image.height * scale)))
    return drafted and drafted[1][2:]


def _check_single(image: Image.Image) -> None:
    number = getattr(image, "n_frames", 1)
    if number > 1 and image.format != "MPO":  # a telephone's, with a preview in it
        raise UnreadableError(f"it holds {number} images: save one of them")


def decoder() -> str:
    """Returns what decodes, with versions."""
    import PIL

    return f"Pillow {PIL.__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}"


def _plain(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        return Image.fromarray(to_bytes(np.asarray(image), 0, 2**16 - 1))
    if image.has_transparency_data:
        grey = image.mode in ("L", "LA", "La")
        image = image.convert("LA" if grey else "RGBA")
        black = Image.new("L" if grey else "RGB", image.size)
        black.paste(image.convert(black.mode), mask=image.getchannel("A"))
        return black
    if image.mode in _GREY:
        return image.convert("L")
    if image.mode in _COLOURED:
        return image.convert("RGB")
    if image.mode in ("I", "F"):
        raise UnreadableError(
            "it has 32 bits a pixel, of which nothing says what is black and white: save it with "
            "8 or 16"
        )
    raise UnreadableError(f"its colours are of mode {image.mode}: save it in RGB or grey")


def _worded(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"it is damaged: {text}" if text else f"it is damaged ({type(error).__name__})"
