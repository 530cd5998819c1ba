"""Sites and server in a process that cannot import TFF."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.tff_health.roles.study import Study, config_of, federated_of
from tff_health.local.model_weights import ModelWeights


def run_without_tff(folder, *arguments):
    # A thread, as the worker of the simulation has for a client where there are two processors.
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_NUM_INTRAOP_THREADS": "1"}
    command = [sys.executable, "-m", "tests.tff_health.roles.without_tff", str(folder), *arguments]
    result = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@pytest.mark.parametrize("scheme", ["bonawitz", "zhang_hardened"])
def test_rounds_need_no_tff(tmp_path, scheme):
    flags = (f"--scheme={scheme}",)
    told = run_without_tff(tmp_path / "apart", "2", *flags)
    assert not told["tff"]
    assert told["accuracy"] > 0.5
    assert [row["train_accuracy"] < 1 for row in told["rows"]] == [True, True]
    config = config_of(*flags)
    here = Study(config, federated_of(config), tmp_path / "here")
    for number in (1, 2):
        here.round(number)
    read = ModelWeights.from_bytes((tmp_path / "apart" / "model.bin").read_bytes())
    for found, wanted in zip(read.trainable, here.server.weights.trainable, strict=True):
        # Sums of floats follow from the number of threads, which imports here may have set.
        np.testing.assert_allclose(found, wanted, rtol=0.05, atol=0.005)
