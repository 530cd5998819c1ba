"""A run goes on, and is shown as finished, with the network that it was begun with alone."""

import json

import pytest

import models
from tff_health.errors import ConfigError
from tff_health.experiments.train import run
from tff_health.flags import parse
from tff_health.studies.run import run_study
from tff_health.studies.study import Part
from tff_health.training import run_model
from tff_health.training.network_identity import NETWORK, check_finished, check_same

OWN = "tests.models.networks:{}"
SHAPE, CLASSES = (4, 4, 1), 3


def invocation(folder, model):
    given = ("--dataset=digits", f"--model={model}", f"--out_dir={folder}")
    return parse(["run_experiments.py", *given], {})


def finished(folder, invocation, built):
    """Leaves what a finished run of the network `built` does."""
    folder.mkdir(parents=True, exist_ok=True)
    network = models.load(built, SHAPE, CLASSES, seed=0).identity
    description = {"config": invocation.config.as_dict(), NETWORK: network}
    (folder / "config.json").write_text(json.dumps(description))
    (folder / "summary.json").write_text("{}")
    return description


@pytest.mark.parametrize("name", ["mnist_cnn", OWN.format("logits")])
def test_the_same_network_is_taken_for_finished(name, tmp_path):
    given = invocation(tmp_path, name)
    finished(tmp_path, given, name)
    check_finished(given.config, tmp_path)


def test_another_network_is_refused_when_finished(tmp_path):
    given = invocation(tmp_path, OWN.format("logits"))
    finished(tmp_path, given, OWN.format("relu"))
    told = r"another network: its layer \d \(Dense\) had activation relu.*choose another folder"
    with pytest.raises(ConfigError, match=told):
        run(given)


def test_so_is_one_of_a_study(tmp_path):
    given = invocation(tmp_path, OWN.format("logits"))
    finished(tmp_path, given, OWN.format("logits"))
    finished(tmp_path / "runs" / "one", given, OWN.format("relu"))
    with pytest.raises(ConfigError, match="another network"):
        run_study(given, [Part("one", "one", given.config)], lambda _: "")


def test_another_network_does_not_go_on(tmp_path):
    given = invocation(tmp_path, OWN.format("logits"))
    description = finished(tmp_path, given, OWN.format("relu"))
    now = models.load(OWN.format("logits"), SHAPE, CLASSES, seed=0).identity
    with pytest.raises(ConfigError, match=r"had activation relu.*bring the old network back"):
        check_same(tmp_path, description, now)
    check_same(tmp_path, description, description[NETWORK])
    check_same(tmp_path, {}, now)


def test_a_finished_network_of_this_package_is_not_built(tmp_path, monkeypatch):
    given = invocation(tmp_path, "mnist_cnn")
    finished(tmp_path, given, "mnist_cnn")
    monkeypatch.setattr(run_model, "load_for", lambda *_: pytest.fail("built"))
    check_finished(given.config, tmp_path)


def test_initial_weights_that_changed_are_told_of_a_finished_run(tmp_path):
    file, folder = tmp_path / "w.weights.h5", tmp_path / "run"
    file.write_bytes(b"weights")
    given = parse(["run_experiments.py", "--dataset=digits", f"--initial_weights={file}"], {})
    description = finished(folder, given, "paper_cnn")
    started = {models.STARTED_FROM: {"file_sha256": models.file_digest(file)}}
    description[NETWORK] |= {**started, "source_sha256": models.source_digest("mnist_cnn")}
    (folder / "config.json").write_text(json.dumps(description))
    check_finished(given.config, folder)
    file.write_bytes(b"others")
    with pytest.raises(ConfigError, match="started from other weights"):
        check_finished(given.config, folder)
