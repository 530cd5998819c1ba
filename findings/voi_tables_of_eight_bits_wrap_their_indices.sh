#!/usr/bin/env bash
# pydicom 3.0.2, numpy 1.25.2. `apply_voi` with a VOI LUT whose values have 8 bits, as mammograms have them: stored
# values are looked up modulo 256, as the place in the table is computed in the type of its values. Of a table of
# 4096 entries the first 256 are used, and beyond the ends of a table come others of its values than the last.
# Output seen: "4096 entries, stored 1000: 14, table 62", "256 entries, stored 300: 44, last 255".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pydicom==3.0.2 numpy==1.25.2
"$work/venv/bin/python" - <<'PY'
import sys

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import apply_voi


def looked_up(table, value):
    item, dataset = Dataset(), Dataset()
    item.add_new(0x00283002, "US", [len(table), 0, 8])  # LUT Descriptor: entries, first value, bits
    item.add_new(0x00283006, "US", table)
    dataset.VOILUTSequence, dataset.PixelRepresentation, dataset.BitsStored = [item], 0, 12
    return int(apply_voi(np.array([value], np.uint16), dataset)[0])


long, short = [entry // 16 for entry in range(4096)], list(range(256))
found = looked_up(long, 1000), looked_up(short, 300)
print(f"4096 entries, stored 1000: {found[0]}, table {long[1000]}")
print(f"256 entries, stored 300: {found[1]}, last {short[-1]}")
sys.exit(0 if found == (14, 44) else "this has changed")
PY
