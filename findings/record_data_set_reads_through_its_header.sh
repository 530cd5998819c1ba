#!/usr/bin/env bash
# tensorflow-cpu 2.14.1, Linux. `tf.data.FixedLengthRecordDataset(header_bytes=n)` reads the n bytes and drops them,
# also from a plain file that could be sought in. Whoever gives the place of an image in a pack as header_bytes, to read
# one of many, reads all before it: to read each of m images so costs m^2 / 2.
# Output seen: "first record: 0 MB read", "last record: 200 MB read".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tensorflow-cpu==2.14.1 numpy==1.25.2
TF_CPP_MIN_LOG_LEVEL=3 "$work/venv/bin/python" - "$work/pack" <<'PY' 2>/dev/null
import sys
from pathlib import Path

import tensorflow as tf

RECORD, SIZE = 1000, 200_000_000


def bytes_read():
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["rchar"])


with open(sys.argv[1], "wb") as file:
    file.truncate(SIZE)
read = {}
for name, place in {"first": 0, "last": SIZE - RECORD}.items():
    start = bytes_read()
    data = tf.data.FixedLengthRecordDataset(sys.argv[1], RECORD, header_bytes=place)
    assert len(list(data.take(1))) == 1
    read[name] = (bytes_read() - start) // 10**6
    print(f"{name} record: {read[name]} MB read")
unchanged = read["first"] < 10 and read["last"] >= 190
sys.exit(0 if unchanged else "this has changed")
PY
