#!/usr/bin/env bash
# Pillow 13.0.0. `Image.draft` decodes a JPEG at 1/2, 1/4 or 1/8 and rounds its size up: of 450 rows a quarter is
# 113. `ImageOps.fit` after it takes those 113 for the whole height, so that the picture is moved and stretched by
# up to half a pixel of the reduced size; `resize` with the box that `draft` returns is right.
# Output seen: "with the box: largest difference 5", "without it: largest difference 15" (of 255, to a whole decode).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0 numpy==1.25.2
"$work/venv/bin/python" - <<'PY'
import io
import sys

import numpy as np
from PIL import Image, ImageOps

rows, columns = np.mgrid[:450, :600]
waves = 127 + 120 * np.sin(rows / 9.0) * np.cos(columns / 7.0)
file = io.BytesIO()
Image.fromarray(waves.astype(np.uint8)).save(file, "JPEG", quality=95)


def opened():
    return Image.open(io.BytesIO(file.getvalue()))


def reduced(take):
    image = opened()
    _, box = image.draft("L", (150, 112))
    return np.asarray(take(image, box), int)


size = (112, 84)
whole = np.asarray(opened().resize(size, Image.Resampling.BICUBIC), int)
found = {
    "with the box": reduced(lambda image, box: image.resize(size, Image.Resampling.BICUBIC, box=box)),
    "without it": reduced(lambda image, box: ImageOps.fit(image, size, Image.Resampling.BICUBIC)),
}
differences = {name: int(np.abs(pixels - whole).max()) for name, pixels in found.items()}
for name, difference in differences.items():
    print(f"{name}: largest difference {difference}")
unchanged = 2 * differences["with the box"] < differences["without it"]
sys.exit(0 if unchanged else "this has changed")
PY
