import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tff_health.data import catalog, folders
from tff_health.data.images import LabelledImages
from tff_health.errors import ConfigError, DataError

SPLITS = {
    "ham10000": ("clean", "paper"),
    "dermamnist": ("given",),
    "mnist": ("given",),
    "synthetic_lesions": ("clean", "paper"),
    "digits": ("clean",),
}
EMBEDDED = {"synthetic_lesions", "digits"}


def test_table():
    assert {name: data_set.splits for name, data_set in catalog.DATA_SETS.items()} == SPLITS
    assert {n for n, data_set in catalog.DATA_SETS.items() if data_set.is_embedded} == EMBEDDED


@pytest.mark.parametrize("name", sorted(EMBEDDED))
def test_embedded_sets_need_no_folder(name, tmp_path):
    images = catalog.load(name, None, tmp_path / "cache")
    assert images.name == name
    assert catalog.allowed_splits(images) == SPLITS[name]
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("name", sorted(SPLITS.keys() - EMBEDDED))
def test_missing_files(name, tmp_path):
    with pytest.raises(DataError) as caught:
        catalog.load(name, tmp_path, tmp_path / "cache")
    message = str(caught.value)
    first_form = catalog.DATA_SETS[name].forms[0]
    how_to_get = catalog.DATA_SETS[name].how_to_get.format(data_dir=tmp_path)
    assert str(tmp_path) in how_to_get
    for part in (name, f"in {tmp_path}", first_form, how_to_get):
        assert part in message
    assert "\n" not in message


@pytest.mark.parametrize("name", sorted(SPLITS.keys() - EMBEDDED))
def test_missing_folder(name, tmp_path):
    with pytest.raises(DataError, match=r"does not exist\. (To download|Download)"):
        catalog.load(name, tmp_path / "nowhere", tmp_path / "cache")


def test_no_folder(tmp_path):
    with pytest.raises(ConfigError, match="--data_dir"):
        catalog.load("mnist", None, tmp_path)


def test_unknown_name(tmp_path):
    with pytest.raises(ConfigError, match="'cifar': choose one of ham10000, dermamnist"):
        catalog.load("cifar", None, tmp_path)


def test_reads_files(tmp_path):
    zeros = {"x": np.zeros((3, 28, 28), np.uint8), "y": np.zeros(3, np.uint8)}
    arrays = {f"{key}_{part}": zeros[key] for key in zeros for part in ("train", "test")}
    np.savez(tmp_path / "mnist.npz", **arrays)
    images = catalog.load("mnist", tmp_path, tmp_path / "cache")
    assert catalog.allowed_splits(images) == ("given",)


def test_no_clean_split_without_groups():
    images = LabelledImages(
        name="ham10000",
        form="test",
        pixels=np.zeros((2, 28, 28, 3), np.uint8),
        labels=np.zeros(2, np.uint8),
        class_names=("a",),
    )
    assert catalog.allowed_splits(images) == ("paper",)


def test_import_is_cheap():
    code = "import sys; import tff_health.data.catalog; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_a_reader_does_not_load_tensorflow():
    modules = "mnist, dermamnist, ham10000, embedded, synthetic_lesions, fetch, contact_sheet"
    code = (
        f"import sys; from tff_health.data import {modules}; sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("argument", "environment", "expected"),
    [
        ("here", {"TFF_HEALTH_DATA_DIR": "/there"}, "here"),
        (None, {"TFF_HEALTH_DATA_DIR": "/there", "XDG_CACHE_HOME": "/x"}, "/there"),
        ("", {"TFF_HEALTH_DATA_DIR": "", "XDG_CACHE_HOME": "/x"}, "/x/tff_health/data"),
        (None, {"XDG_CACHE_HOME": "relative"}, "~/.cache/tff_health/data"),
        (None, {}, "~/.cache/tff_health/data"),
        ("~/images", {}, "~/images"),
    ],
)
def test_data_folder(argument, environment, expected):
    assert folders.data_folder(argument, environment) == Path(expected).expanduser()


def test_cache_folder(tmp_path):
    assert folders.cache_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "tff_health/cache"


def test_without_a_home_there_is_no_default_folder(monkeypatch):
    def unknown(_):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", unknown)
    assert folders.cache_folder({}) is None
    assert folders.data_folder(None, {}) is None
    with pytest.raises(ConfigError, match="--data_dir=~/images: no home"):
        folders.data_folder("~/images", {})


@pytest.mark.parametrize("in_the_way", ["a file", "a broken link"])
def test_a_cache_that_cannot_be_made_is_none(tmp_path, in_the_way):
    if in_the_way == "a file":
        (tmp_path / "tff_health").write_text("")
    else:
        (tmp_path / "tff_health").symlink_to(tmp_path / "nowhere")
    assert folders.cache_folder({"XDG_CACHE_HOME": str(tmp_path)}) is None
