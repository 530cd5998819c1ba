"""What this installation makes of image files that come with it, to compare with other sites.

Libraries decode one file differently, and so may versions of one library: TensorFlow 2.21's
`decode_image` and SimpleITK 2.5.7 give other pixels of a JPEG than Pillow 13.0 does. Clients that
decode differently train on different data, and nothing else tells. `reference/` holds a colour
JPEG whose colours have a quarter of the pixels (4:2:0), and a DICOM file, of JPEG, MONOCHROME1.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from PIL import Image

from tff_health.data.own.listed import UnreadableError
from tff_health.errors import DataError

_FOLDER = Path(__file__).parent / "reference"
_SIDE = 16  # so small that a half is decoded
_VERSION = 1
_MOST_BYTES = 100_000  # of a file


@dataclass(frozen=True)
class Fingerprint:
    """How a site decodes.

    Attributes:
        decoders: the libraries that decode, with their versions.
        pixels: what was decoded -> SHA-256 of its pixels and shape, in hex; or why it could not be.
    """

    decoders: str
    pixels: Mapping[str, str]

    @property
    def digest(self) -> bytes:
        """32 bytes that sites have in common if they decode alike, whatever their versions."""
        return hashlib.sha256(json.dumps(dict(self.pixels), sort_keys=True).encode()).digest()

    def to_json(self) -> str:
        """Returns the text that `from_json` reads."""
        return json.dumps(
            {"version": _VERSION, "decoders": self.decoders, "pixels": dict(self.pixels)},
            indent=1,
            sort_keys=True,
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> "Fingerprint":
        """Reads a fingerprint.

        Raises:
            DataError: for what `to_json` of this version could not have written.
        """
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            raise DataError("no fingerprint of decoders: it is not JSON") from None
        pixels = found.get("pixels") if isinstance(found, dict) else None
        if (
            not isinstance(pixels, dict)
            or found.keys() != {"version", "decoders", "pixels"}
            or found["version"] != _VERSION
            or not all(isinstance(value, str) for value in (found["decoders"], *pixels.values()))
        ):
            raise DataError(f"no fingerprint of decoders, of version {_VERSION}")
        return cls(found["decoders"], MappingProxyType(pixels))

    @classmethod
    def read(cls, path: Path) -> "Fingerprint":
        """Reads a fingerprint from a file.

        Raises:
            DataError: naming the file, if it cannot be read or holds none.
        """
        try:
            with path.open("rb") as file:
                text = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}") from None
        if len(text) > _MOST_BYTES:
            raise DataError(f"{path}: is too large for a fingerprint of decoders")
        try:
            return cls.from_json(text)
        except DataError as error:
            raise DataError(f"{path}: {error}") from None


def take() -> Fingerprint:
    """Decodes the reference files as images of a user's own are decoded; takes milliseconds."""
    from tff_health.data.own import dicom, pictures

    photo, scan = _FOLDER / "photo.jpg", _FOLDER / "scan.dcm"
    ways: dict[str, Callable[[], Image.Image]] = {
        "JPEG": lambda: pictures.read_picture(photo),
        f"JPEG at {_SIDE}x{_SIDE}": lambda: pictures.read_picture(photo, _SIDE),
        "JPEG in DICOM, MONOCHROME1": lambda: dicom.read_dicom(scan),
    }
    pixels = {}
    for name, read in ways.items():
        try:
            pixels[name] = _digest(read())
        except UnreadableError as error:
            pixels[name] = f"not read: {error}"
    return Fingerprint(f"{pictures.decoder()}, {dicom.decoder()}", MappingProxyType(pixels))


def check_same(fingerprints: Mapping[str, Fingerprint]) -> None:
    """Refuses sites that decode differently; to be called before anything is trained.

    Versions may differ, as long as pixels do not.

    Args:
        fingerprints: by the name of the site; the first one is what others are compared with.

    Raises:
        DataError: naming each site that differs, in what, and the decoders of both.
    """
    names = list(fingerprints)
    lines = []
    for name in names[1:]:
        one, other = fingerprints[names[0]], fingerprints[name]
        ways = {*one.pixels, *other.pixels}
        differing = sorted(way for way in ways if one.pixels.get(way) != other.pixels.get(way))
        if differing:
            lines.append(
                f"{name} ({other.decoders}) decodes {' and '.join(differing)} otherwise than "
                f"{names[0]} ({one.decoders})"
            )
    if lines:
        raise DataError(
            f"{'; '.join(lines)}. Sites that train together must decode alike: install the "
            "versions of requirements.txt at each"
        )


def _digest(image: Image.Image) -> str:
    pixels = np.asarray(image)
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()
