#!/usr/bin/env bash
# pydicom 3.0.2. `pixel_array` of a JPEG in DICOM is decoded by the first plug-in that is installed, and plug-ins
# do not agree: Pillow 13.0.0 interpolates colours that have half of the pixels and pylibjpeg-libjpeg 2.2.0 rounds
# otherwise, so that most differences are small and some are not. To install a package changes what is read.
# Output seen: "grey: 3.5 % of values differ, by up to 1", "colour: 23.5 % of values differ, by up to 6".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pydicom==3.0.2 pillow==13.0.0 numpy==1.25.2 \
  pylibjpeg==2.1.0 pylibjpeg-libjpeg==2.2.0
"$work/venv/bin/python" - <<'PY'
import io
import sys

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import pixel_array
from pydicom.uid import JPEGBaseline8Bit, SecondaryCaptureImageStorage

rows, columns = np.mgrid[:64, :96]
waves = (rows / 5 + columns / 9, columns / 6 - rows / 11 + np.pi / 2, (rows + columns) / 8)
colour = np.stack([127 + 120 * np.sin(wave) for wave in waves], -1).astype(np.uint8)


def file_of(pixels, interpretation):
    stream = io.BytesIO()
    options = {"subsampling": 2} if pixels.ndim == 3 else {}
    Image.fromarray(pixels).save(stream, "JPEG", quality=90, **options)
    dataset, meta = Dataset(), FileMetaDataset()
    meta.TransferSyntaxUID = JPEGBaseline8Bit
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "2.25.1"
    dataset.file_meta = meta
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.SamplesPerPixel = 1 if pixels.ndim == 2 else 3
    if pixels.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = interpretation
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PixelData = encapsulate([stream.getvalue()])
    dataset["PixelData"].is_undefined_length = True
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file


found = {}
for name, pixels, interpretation in (
    ("grey", colour[..., 0], "MONOCHROME2"),
    ("colour", colour, "YBR_FULL_422"),
):
    file = file_of(pixels, interpretation)
    one, other = (
        pixel_array(file, decoding_plugin=plugin).astype(int)
        for plugin in ("pillow", "pylibjpeg")
        if not file.seek(0)
    )
    found[name] = float(np.mean(one != other)), int(np.abs(one - other).max())
    print(f"{name}: {found[name][0]:.1%} of values differ, by up to {found[name][1]}".replace("%", " %"))
unchanged = found["grey"][0] > 0 and found["colour"][0] > 0.1 and found["colour"][1] > 2
sys.exit(0 if unchanged else "this has changed")
PY
