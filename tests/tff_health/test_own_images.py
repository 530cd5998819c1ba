"""Settings of images of the user's own, which a path names."""

import json
from pathlib import Path

import numpy as np
import pytest

import run_experiments
from tests.tff_health.data.own.drawn import write_folder
from tff_health import flags
from tff_health.data.reading import Reading
from tff_health.errors import ConfigError, DataError
from tff_health.settings.groups.data import OF_OWN_IMAGES
from tff_health.settings.presets import PRESETS


@pytest.fixture
def root(tmp_path):
    return write_folder(tmp_path / "Skin lesions (2024)")


def parse(*arguments):
    return flags.parse(["run_experiments.py", *arguments], {})


def told(*arguments):
    with pytest.raises(ConfigError) as caught:
        parse(*arguments)
    return str(caught.value)


def test_a_path_is_kept_in_full_and_its_last_part_names_the_results(root, monkeypatch):
    monkeypatch.chdir(root.parent)
    found = parse(f"--dataset=./{root.name}")
    assert found.config.data.dataset == str(root)
    assert found.config.data_name == "Skin_lesions_2024"
    assert found.out_dir.name.startswith("train-fedavg-Skin_lesions_2024-clean-")
    assert parse(f"--dataset={root.name}") == found


def test_home_may_be_written_as_a_tilde(root, monkeypatch):
    monkeypatch.setenv("HOME", str(root.parent))
    assert parse(f"--dataset=~/{root.name}").config.data.dataset == str(root)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_has_settings_for_it(root, preset):
    config = parse(f"--dataset={root}", f"--preset={preset}").config
    assert config.data.split == "clean"
    assert config.preparation.normalise == "none"
    assert config.reading == Reading()


def test_a_publishers_split_is_preferred(root):
    for part in ("train", "test"):
        write_folder(root / part)
    assert parse(f"--dataset={root}").config.data.split == "given"
    assert parse(f"--dataset={root}", "--split=clean").config.data.split == "clean"
    assert "--split=paper: --dataset=" in told(f"--dataset={root}", "--split=paper")


def test_what_is_made_of_images_can_be_set(root):
    given = ("--image_size=96", "--image_fit=pad", "--num_channels=1", "--skip_unreadable")
    config = parse(f"--dataset={root}", *given).config
    assert config.reading == Reading(96, "pad", 1, True)
    assert {name: config.as_dict()[name] for name in OF_OWN_IMAGES} == {
        **{"image_size": 96, "image_fit": "pad", "num_channels": 1, "skip_unreadable": True}
    }


@pytest.mark.parametrize("given", ["image_size=64", "image_fit=pad", "num_channels=3"])
def test_other_data_sets_come_as_they_are(given):
    text = told("--dataset=digits", f"--{given}")
    assert f"--{given} has no effect with --dataset=digits: leave it out, or name images" in text


def test_other_data_sets_are_known_by_the_settings_that_they_had():
    assert not {*OF_OWN_IMAGES} & {*parse().config.as_dict()}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("--image_size=7", "--image_size=7: must be 8 or more"),
        ("--image_size=5000", "must be 0 (as the default says) or 8 to 1024"),
        ("--num_channels=2", "--num_channels=2: allowed are 0, 1, 3"),
        ("--image_fit=stretch", "allowed are crop, pad"),
        ("--normalise", "--normalise=public: there are no public constants for images of your own"),
        ("--dp_noise=local --epsilon=1 --dp_unit=group", "--dp_unit=group: needs a data set that"),
    ],
)
def test_what_does_not_suit_them_is_refused(root, given, reason):
    assert reason in told(f"--dataset={root}", *given.split())


def test_groups_of_an_npz_file_are_units_of_privacy(tmp_path):
    np.savez(tmp_path / "a.npz", images=1, labels=1, groups=1)
    given = "--dp_noise=local --epsilon=1 --dp_unit=group"
    assert parse(f"--dataset={tmp_path / 'a.npz'}", *given.split()).config.by_group


@pytest.mark.parametrize("name", ["ham1000", "Digits", "synthetic"])
def test_what_is_neither_a_name_nor_a_path_is_refused(name):
    text = told(f"--dataset={name}")
    assert "allowed are ham10000, " in text
    assert "or the path of images of your own; did you mean" in text


@pytest.mark.parametrize("name", ["./missing", "missing/", "/no/such/folder", "missing.csv"])
def test_paths_to_nothing_are_refused_before_work_starts(name):
    with pytest.raises(DataError, match=r"does not exist: name a folder with"):
        parse(f"--dataset={name}")


def test_config_json_gives_the_same_run_again(root, tmp_path, monkeypatch):
    config = parse(f"--dataset={root}", "--image_size=32").config
    (tmp_path / "config.json").write_text(json.dumps({"config": config.as_dict()}))
    monkeypatch.chdir("/")
    assert parse(f"--settings={tmp_path / 'config.json'}").config == config


def test_a_link_stands_for_what_it_leads_to(root, tmp_path):
    (tmp_path / "current").symlink_to(root)
    assert parse(f"--dataset={tmp_path / 'current'}").config.data.dataset == str(Path(root))


def test_the_program_tells_in_one_line_that_there_is_nothing(capsys):
    assert run_experiments.main(["run_experiments.py", "--dataset=/no/such/folder"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: /no/such/folder does not exist: name a folder with")
    assert told.count("\n") == 1
