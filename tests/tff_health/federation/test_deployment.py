"""Programs of their own on loopback: whole studies, kills and returns, and the same model."""

import signal

import pytest

from tests.tff_health.federation.deployment import Deployment
from tff_health.local.model_weights import ModelWeights
from tff_health.training.metrics_log import read_rows

pytestmark = [pytest.mark.slow, pytest.mark.drill]
SETTINGS = {
    "dataset": "digits",
    "model": "mnist_cnn",
    "rounds": 3,
    "batch_size": 32,
    "seed": 5,
}


def rows_of(deployed):
    return read_rows(deployed.results / "metrics.csv")


@pytest.mark.parametrize("scheme", ["bonawitz", "zhang_hardened"])
def test_a_study_from_beginning_to_end(tmp_path, scheme):
    with Deployment(tmp_path, {**SETTINGS, "scheme": scheme}) as deployed:
        deployed.start_all()
        assert deployed.wait("server") == 0, deployed.logs()
        for name in deployed.names:
            assert deployed.wait(name) == 0, deployed.logs()
        rows = rows_of(deployed)
        assert [row["survivors"] for row in rows] == [3, 3, 3]
        assert [row["lost"] for row in rows] == [0, 0, 0]
        assert rows[-1]["test_accuracy"] > 0.3
