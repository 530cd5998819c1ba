#!/usr/bin/env bash
# tensorflow-federated 0.87.0 with tensorflow 2.14.1. `Dataset.shuffle` with a seed (its own or tf.random.set_seed's)
# gives another order each time that a program goes through the data set, as reshuffle_each_iteration says. Given to a
# TFF computation, as in training rounds, it begins anew each time: a client sees the same batches in the same
# order in all rounds. With `repeat` after it, orders differ from pass to pass, but rounds are alike again.
# Output seen: "eagerly 3 orders in 3 passes", "by TFF 1 order in 3 rounds", "repeated by TFF 1 in 3, with 2 passes".
set -euo pipefail
work=$(mktemp -d)
trap 'kill -- "-${group:-0}" 2>/dev/null || true; rm -rf "$work"' EXIT
python3.11 -m venv "$work/venv"
# 0.87.0 asks for jaxlib 0.4.14, which is gone from the index, so dependencies are named here.
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tensorflow==2.14.1 numpy==1.25.2 \
  scipy==1.9.3 attrs==23.1.0 cachetools==5.5.2 portpicker==1.6.0 tqdm==4.70.1 setuptools==80.9.0 \
  googleapis-common-protos==1.61.0 jax==0.4.14 jaxlib==0.4.13 dm-tree==0.1.8 dp-accounting==0.4.3 \
  cloudpickle==3.1.2 decorator==5.3.1 scikit-learn==1.7.2
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps tensorflow-federated==0.87.0 \
  tensorflow-privacy==0.9.0 tensorflow-probability==0.22.1 tensorflow-model-optimization==0.7.5 \
  google-vizier==0.1.11
cat >"$work/rounds.py" <<'PY'
import sys

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff


@tff.tensorflow.computation(tff.SequenceType(np.int64))
def as_read(data):
    return data.reduce(tf.zeros((0,), tf.int64), lambda seen, x: tf.concat([seen, [x]], 0))


data = tf.data.Dataset.range(20).shuffle(20, seed=1)
eager = {tuple(int(x) for x in data) for _ in range(3)}
rounds = {tuple(as_read(data).tolist()) for _ in range(3)}
repeated = {tuple(as_read(data.repeat(2)).tolist()) for _ in range(3)}
passes = {half for order in repeated for half in (order[:20], order[20:])}
print(f"eagerly {len(eager)} orders in 3 passes")
print(f"by TFF {len(rounds)} order in 3 rounds")
print(f"repeated by TFF {len(repeated)} in 3, with {len(passes)} passes")
unchanged = (len(eager), len(rounds), len(repeated), len(passes)) == (3, 1, 1, 2)
sys.exit(0 if unchanged else "this has changed")
PY
# TFF's worker outlives its program: it is ended with the group.
TF_CPP_MIN_LOG_LEVEL=3 setsid "$work/venv/bin/python" "$work/rounds.py" >"$work/told" 2>/dev/null &
group=$!
wait "$group" && status=0 || status=$?
cat "$work/told"
exit "$status"
