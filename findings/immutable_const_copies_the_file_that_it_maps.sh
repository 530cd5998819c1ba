#!/usr/bin/env bash
# tensorflow-cpu 2.14.1 (and 2.21.0), Linux. `tf.raw_ops.ImmutableConst` takes a tensor from a memory region, such
# as a file that is mapped, and its name and documentation promise no copy. Called eagerly it makes one in anonymous
# memory, and holds two while it does: a file of packed images needs twice its size, and all processes of one
# machine that "map" it hold it once each.
# Output seen: "file 512 MB: 528 MB of anonymous memory more, 1040 MB at the peak, 0 MB mapped from the file".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tensorflow-cpu==2.14.1 numpy==1.25.2
TF_CPP_MIN_LOG_LEVEL=3 "$work/venv/bin/python" - "$work/images" <<'PY' 2>/dev/null
import sys
from pathlib import Path

import tensorflow as tf

SIZE = 2**29


def memory():
    lines = Path("/proc/self/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return {name: int(fields[name].split()[0]) // 1024 for name in ("RssAnon", "RssFile", "VmHWM")}


with open(sys.argv[1], "wb") as file:
    file.truncate(SIZE)
tf.constant(1) + 1
before = memory()
image = tf.raw_ops.ImmutableConst(dtype=tf.uint8, shape=(SIZE,), memory_region_name=sys.argv[1])
after = memory()
more = {name: after[name] - before[name] for name in before}
print(
    f"file {SIZE >> 20} MB: {more['RssAnon']} MB of anonymous memory more, {more['VmHWM']} MB at the "
    f"peak, {more['RssFile']} MB mapped from the file"
)
whole = SIZE >> 20
unchanged = more["RssAnon"] > 0.95 * whole and more["VmHWM"] > 1.8 * whole and more["RssFile"] < 16
sys.exit(0 if unchanged else "this has changed")
PY
