#!/usr/bin/env bash
# tensorflow-cpu 2.14.1. `tf.random.experimental.stateless_fold_in(seed, number)` gives (drawn, number), both
# of the number's dtype: whatever the seed had, one number's bits of it are left. Of an int64 seed of 128 bits
# a Python integer leaves 32. Noise for differential privacy that is drawn from the result can be found by trying.
# Output seen: "Python number: int32, second half is the number itself", "int64 number: int64, ...".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tensorflow-cpu==2.14.1
TF_CPP_MIN_LOG_LEVEL=3 "$work/venv/bin/python" - <<'PY' 2>/dev/null
import sys

import tensorflow as tf

seed = tf.constant([2**40 + 1, 2**41 + 3], tf.int64)
numbers = {"Python": 7, "int64": tf.constant(7, tf.int64)}
folded = {
    name: tf.random.experimental.stateless_fold_in(seed, number) for name, number in numbers.items()
}
for name, found in folded.items():
    half = "is the number itself" if found[1] == 7 else "is drawn"
    print(f"{name} number: {found.dtype.name}, second half {half}")
types = {name: found.dtype.name for name, found in folded.items()}
unchanged = types == {"Python": "int32", "int64": "int64"} and all(found[1] == 7 for found in folded.values())
sys.exit(0 if unchanged else "this has changed")
PY
