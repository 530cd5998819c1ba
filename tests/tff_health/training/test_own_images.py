"""A run on images of the user's own, from a table to the report."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

from tests.tff_health import warm
from tests.tff_health.runs import user_environment

pytestmark = pytest.mark.slow
SITES = ("North Hospital", "South Hospital", "West Clinic")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A table of 60 images from three sites, of which the classes differ in brightness."""
    root = tmp_path_factory.mktemp("own") / "skin"
    root.mkdir()
    random, lines = np.random.default_rng(0), ["image,diagnosis,patient,hospital"]
    for number in range(60):
        shade = 60 + 100 * (number % 2)
        pixels = random.integers(shade, shade + 40, (20, 24)).astype(np.uint8)
        Image.fromarray(pixels).save(root / f"{number}.png")
        lines.append(
            f"{number},{('naevus', 'melanoma')[number % 2]},p{number // 2},{SITES[number % 3]}"
        )
    (root / "skin.csv").write_text("\n".join(lines))
    return root


@pytest.fixture(scope="module")
def train(data, tmp_path_factory):
    """Runs the same command each time."""
    base = tmp_path_factory.mktemp("run")
    flags = (
        *(f"--dataset={data}", f"--out_dir={base / 'out'}", "--model=tanh_cnn", "--rounds=2"),
        *("--partition=site", "--num_clients=3", "--image_size=16", "--scheme=bonawitz"),
    )
    environment = user_environment(XDG_CACHE_HOME=str(base / "cache"))
    return base / "out", lambda: warm.run(
        [sys.executable, "run_experiments.py", *flags], environment
    )


@pytest.fixture(scope="module")
def trained(train):
    folder, run = train
    result = run()
    assert result.returncode == 0, result.stderr
    assert "images: table skin.csv (images by image, classes by diagnosis, groups" in result.stderr
    return folder, result.stdout


def test_it_ends_in_a_report_that_names_the_classes(trained, data):
    folder, told = trained
    assert told.startswith("bonawitz on skin (clean split), 2 rounds")
    report = (folder / "report.html").read_text()
    table = "table skin.csv (images by image, classes by diagnosis"
    for text in ("naevus", "melanoma", table, "libjpeg-turbo"):
        assert text in report
    found = json.loads((folder / "config.json").read_text())
    assert found["config"]["dataset"] == str(data)
    assert found["data"]["image_shape"] == [16, 16, 1]
    assert found["data"]["class_counts"] == {"melanoma": 30, "naevus": 30}
    assert len(found["data"]["clients"]) == len(SITES)
    assert "Pillow" in found["data"]["decoding"]["decoders"]
    assert len(found["data"]["decoding"]["pixels"]) == 3


def test_it_is_known_to_be_finished_while_the_images_are_there(trained, train):
    assert "already finished" in train[1]().stdout


def test_an_unfinished_run_is_not_continued_on_other_images(trained, train, data):
    folder, run = train
    (folder / "summary.json").unlink()
    Image.new("L", (20, 24), 7).save(data / "3.png")
    result = run()
    assert result.returncode == 2
    assert "holds a run on other data (data_sha256 differs)" in result.stderr
