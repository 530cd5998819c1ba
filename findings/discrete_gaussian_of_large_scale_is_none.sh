#!/usr/bin/env bash
# tensorflow-privacy 0.9.0 (tensorflow 2.14.1, tensorflow-probability 0.22.1). Its `sample_discrete_gaussian` takes
# any int32 as scale, and squares what it draws in int64: above about 2^28 squares wrap around, and what comes out
# is wider and has tails of another distribution. Secure sums with fine grids need such scales: 2^24 steps of
# sensitivity at a noise multiplier of 60 are 2^30.
# Output seen: "scale 2^20: deviation 1.00 scales", "scale 2^30: deviation 1.22 scales".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tensorflow==2.14.1 \
  tensorflow-probability==0.22.1 tensorflow-privacy==0.9.0
TF_CPP_MIN_LOG_LEVEL=3 "$work/venv/bin/python" - <<'PY' 2>/dev/null
import sys

import tensorflow as tf
from tensorflow_privacy.privacy.dp_query import discrete_gaussian_utils

deviations = {}
for power in (20, 30):
    scale = tf.constant(2**power, tf.int32)
    drawn = discrete_gaussian_utils.sample_discrete_gaussian(scale, tf.constant([200_000]), tf.int64)
    deviations[power] = float(tf.math.reduce_std(tf.cast(drawn, tf.float64))) / 2**power
    print(f"scale 2^{power}: deviation {deviations[power]:.2f} scales")
unchanged = 0.98 < deviations[20] < 1.02 and deviations[30] > 1.1
sys.exit(0 if unchanged else "this has changed")
PY
