"""Experiment `statistics` as a user runs it: on a table of images, with clients that drop out."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from tests.tff_health import warm
from tests.tff_health.runs import user_environment
from tff_health import flags
from tff_health.errors import ConfigError

NUMBER, SITES = 60, 4


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hospital")
    rng = np.random.default_rng(2)
    rows = []
    for number in range(NUMBER):
        name = f"{number}.png"
        shade = rng.integers(0, 256, (1, 1, 3)).astype(np.uint8)
        Image.fromarray(np.repeat(np.repeat(shade, 16, 0), 16, 1)).save(folder / name)
        age = "" if number % 10 == 0 else str(20 + number)
        kind, site = ("naevus", "melanoma", "naevus")[number % 3], f"hospital {number % SITES}"
        rows.append((name, kind, f"p{number // 2}", site, age, "test" if number >= 48 else "train"))
    with (folder / "images.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("image", "label", "patient", "site", "age", "split"))
        writer.writerows(rows)
    return folder / "images.csv", rows


def run(table, out_dir, *more):
    given = (
        "--experiment=statistics",
        f"--dataset={table}",
        "--image_size=16",
        f"--out_dir={out_dir}",
    )
    command = ["python", "run_experiments.py", *given, f"--num_clients={SITES}", *more]
    return warm.run(command, user_environment())


def summary(out_dir):
    return json.loads((out_dir / "summary.json").read_text())


def test_the_server_learns_the_statistics_of_the_survivors(table, tmp_path):
    path, rows = table
    result = run(
        *(path, tmp_path, "--partition=site", "--numeric_columns=Age:0:100", "--dropout_rate=0.25"),
        "--dropout_stages=masked input",
    )
    assert result.returncode == 0, result.stderr
    found = summary(tmp_path)
    assert len(found["survivors"]) == SITES - 1
    trained = [row for row in rows if row[5] == "train"]
    sites = sorted({row[3] for row in trained})
    left = [row for row in trained if sites.index(row[3]) in found["survivors"]]
    kinds = [row[1] for row in left]
    assert found["statistics"]["classes"] == {k: kinds.count(k) for k in ("melanoma", "naevus")}
    ages = [float(row[4]) for row in left if row[4]]
    age = found["statistics"]["columns"]["Age"]
    assert age["number"] == len(ages)
    assert age["mean"] == pytest.approx(np.mean(ages), abs=0.01)
    assert age["deviation"] == pytest.approx(np.std(ages), abs=0.01)
    assert found["privacy"] is None
    report = (tmp_path / "report.html").read_text()
    assert "melanoma" in report
    assert "secure sum" in report
    assert f"{len(left)} images of 3 clients" in result.stdout
    again = run(
        *(path, tmp_path, "--partition=site", "--numeric_columns=Age:0:100", "--dropout_rate=0.25"),
        "--dropout_stages=masked input",
    )
    assert again.returncode == 0
    assert "already finished" in again.stdout


def test_with_noise_the_ledger_says_what_each_client_spent(table, tmp_path):
    path, rows = table
    result = run(path, tmp_path, "--epsilon=8", "--dp_unit=group", "--split=clean", "--seed=1")
    assert result.returncode == 0, result.stderr
    found = summary(tmp_path)
    assert 7.9 < found["privacy"]["epsilon"] <= 8
    assert found["privacy"]["unit"] == "group"
    patients = len({row[2] for row in rows})  # a few of them are the test part
    noise = 2**0.5 * found["privacy"]["deviation_of_counts"]
    assert abs(found["statistics"]["units"] - 0.85 * patients) < 6 * noise
    counts = found["statistics"]["classes"].values()
    assert any(count != round(count) for count in counts)
    with (tmp_path / "tables" / "privacy.csv").open() as file:
        ledger = list(csv.DictReader(file))
    assert [row["client"] for row in ledger] == [str(client) for client in range(SITES)]
    assert {float(row["epsilon"]) for row in ledger} == {found["privacy"]["epsilon"]}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--numeric_columns=age:0:100"], "has no effect with --dataset=digits"),
        (["--epsilon=1", "--noise_multiplier=2"], "give one"),
        (["--dp_unit=group"], "which belong together"),
        (["--dropout_rate=0.8", "--num_clients=5"], "must survive"),
        (["--dropout_stages=lunch"], "unknown stage 'lunch'"),
        (["--num_clients=2"], "--num_clients=2"),
        (["--scheme=zhang"], "--scheme has no effect with --experiment=statistics"),
        (["--topology=sparse", "--threshold=3"], "--topology=sparse sets its own"),
        (["--histogram_bins=1"], "from 2 to 1000"),
    ],
)
def test_settings_that_will_not_do_are_refused(given, told):
    command = ["run", "--experiment=statistics", "--dataset=digits", *given]
    with pytest.raises(ConfigError) as caught:
        flags.parse(command, {})
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ("weight:0:1", "has no column weight; it has image, label"),
        ("patient:0:1", "patient is 'p0', but must be a number"),
        ("age:0:1,AGE:0:2", "names a column twice"),
        ("age", "must be NAME:LOWEST:HIGHEST"),
    ],
)
def test_columns_that_will_not_do_are_refused(table, tmp_path, columns, told):
    result = run(table[0], tmp_path, f"--numeric_columns={columns}")
    assert result.returncode != 0
    assert told in result.stderr
    assert "Traceback" not in result.stderr


def test_what_all_clients_tell_standardises_channels(table, tmp_path):
    path, rows = table
    given = ("--scheme=zhang", "--rounds=1", "--partition=site", f"--num_clients={SITES}")
    more = ("--model=tanh_cnn", "--image_size=28", "--normalise=secure")
    command = ["python", "run_experiments.py", f"--dataset={path}", f"--out_dir={tmp_path}"]
    result = warm.run([*command, *given, *more], user_environment())
    assert result.returncode == 0, result.stderr
    found = json.loads((tmp_path / "config.json").read_text())["normalisation"]
    pixels = [np.array(Image.open(path.parent / row[0])) for row in rows if row[5] == "train"]
    counts = json.loads((tmp_path / "config.json").read_text())["data"]["clients"]
    assert sum(client["validation_examples"] for client in counts) < 8
    np.testing.assert_allclose(
        found["channel_means"], np.mean(pixels, axis=(0, 1, 2)) / 255, atol=0.08
    )
    assert (
        "one secure sum over all clients told the server the mean"
        in (tmp_path / "report.html").read_text()
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--scheme=local"], "clients share nothing"),
        (["--num_clients=2"], "3 or more are needed"),
        (["--scheme=bonawitz", "--dp_noise=local", "--epsilon=1"], "without noise"),
    ],
)
def test_normalisation_is_refused_where_it_cannot_be_had(given, told):
    with pytest.raises(ConfigError) as caught:
        flags.parse(["run", "--dataset=digits", "--normalise=secure", *given], {})
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (["--normalise"], "public"),
        (["--nonormalise"], "none"),
        (["--normalise=true"], "public"),
        (["--normalise=secure"], "secure"),
        ([], "none"),
    ],
)
def test_earlier_forms_of_normalise_mean_what_they_did(given, wanted):
    config = flags.parse(["run", "--dataset=digits", *given], {}).config
    assert config.preparation.normalise == wanted
