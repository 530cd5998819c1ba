#!/usr/bin/env bash
# tensorflow-federated 0.87.0 (Linux). The worker that its default context starts inherits standard output and
# goes on after the program has ended. `python train.py | tee log`, `$(python train.py)` and a CI that waits for
# the end of the output never come back, though training is done; the program itself exits with 0.
# Output seen: "program: 0 after N s, printed 3", "pipe: still open 20 s later", "worker: 1 left".
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
cat >"$work/one.py" <<'PY'
import numpy as np
import tensorflow_federated as tff


@tff.tensorflow.computation(np.int32)
def next_number(x):
    return x + 1


print(next_number(2), flush=True)
PY
mkfifo "$work/pipe"
cat "$work/pipe" >"$work/told" &
reader=$!
TF_CPP_MIN_LOG_LEVEL=3 setsid "$work/venv/bin/python" "$work/one.py" >"$work/pipe" 2>/dev/null &
group=$!
wait "$group" && status=0 || status=$?
echo "program: $status after $SECONDS s, printed $(cat "$work/told")"
sleep 20
workers=$(pgrep -c -g "$group" || true)
if kill -0 "$reader" 2>/dev/null; then open="still open"; else open="closed"; fi
echo "pipe: $open 20 s later"
echo "worker: $workers left"
[[ "$status" == 0 && "$open" == "still open" && "$workers" == 1 ]] || { echo "this has changed"; exit 1; }
