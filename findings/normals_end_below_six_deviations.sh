#!/usr/bin/env bash
# tensorflow-cpu 2.14.1 (and 2.21.0). `tf.random.stateless_normal`, as `tf.random.normal`, makes two numbers of a
# radius sqrt(-2 ln u), and brings u to 1e-7 at least, in float64 as in float32. So no number is ever beyond
# 5.677693 deviations, where float64 has room for eight, and one pair in ten million lies on that very circle:
# of 50 million pairs the true largest radius is about 6, once. Noise for differential privacy, and tests of tails
# over millions of coordinates and many rounds, meet both.
# Output seen: "largest radius 5.677692, shared by 7 of 50,000,000 pairs; of NumPy 6.093, by 1".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tensorflow-cpu==2.14.1 numpy==1.25.2
TF_CPP_MIN_LOG_LEVEL=3 "$work/venv/bin/python" - <<'PY' 2>/dev/null
import sys

import numpy as np
import tensorflow as tf

PARTS, PAIRS = 10, 5_000_000
rng = np.random.default_rng(7)


def largest(draw):
    """The largest radius, and how many pairs have it, to eight digits."""
    radii = np.concatenate([np.sort(np.hypot(*draw(part)))[-100:] for part in range(PARTS)])
    return radii.max(), int(np.count_nonzero(radii > radii.max() * (1 - 1e-8)))


def by_tensorflow(part):
    return tf.random.stateless_normal((PAIRS, 2), (7, part), dtype=tf.float64).numpy().T


radius, shared = largest(by_tensorflow)
other, alone = largest(lambda _: rng.standard_normal((2, PAIRS)))
print(
    f"largest radius {radius:.6f}, shared by {shared} of {PARTS * PAIRS:,} pairs; "
    f"of NumPy {other:.3f}, by {alone}"
)
unchanged = abs(radius - np.sqrt(-2 * np.log(1e-7))) < 1e-6 and shared >= 2 and alone == 1
sys.exit(0 if unchanged else "this has changed")
PY
