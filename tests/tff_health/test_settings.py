"""Settings that carry themselves: what follows from one definition, and files of settings."""

import json
import subprocess
import sys

import pytest

from crypto.vector_schemes.packed_paillier import STRENGTHS
from tff_health import flags
from tff_health.data.catalog import DATA_SETS
from tff_health.errors import ConfigError
from tff_health.reporting.results_folder import ResultsFolder
from tff_health.schemes import SCHEMES
from tff_health.secure_aggregation import bindings
from tff_health.settings import listing
from tff_health.settings.chosen import load_chosen
from tff_health.settings.config import RunConfig
from tff_health.settings.experiments import EXPERIMENTS
from tff_health.settings.groups import sums
from tff_health.settings.presets import PRESETS, preset_settings
from tff_health.settings.setting import Range
from tff_health.settings.table import LOCAL, SETTINGS, used_by

USERS = {name: setting for name, setting in SETTINGS.items() if not setting.is_own}


def parse(*arguments):
    return flags.parse(["run_experiments.py", *arguments], {})


def told(*arguments):
    with pytest.raises(ConfigError) as caught:
        parse(*arguments)
    return str(caught.value)


def help_of(name, text):
    (start,) = (
        i for i, line in enumerate(text) if line.startswith((f"  --{name}:", f"  --{name},"))
    )
    rest = [i for i in range(start + 1, len(text)) if not text[i].startswith("      ")]
    return " ".join(" ".join(text[start : (rest or [len(text)])[0]]).split())


@pytest.mark.parametrize("name", USERS)
def test_a_setting_says_what_it_is_by_itself(name):
    setting = USERS[name]
    assert setting.about[0].isupper() or setting.about.startswith("host:port")
    assert setting.about.endswith(".")
    assert "Of that" not in setting.about
    found = help_of(name, parse("--help").splitlines())
    assert "Default: " in found
    assert set(setting.schemes) <= set(SCHEMES)
    assert set(setting.experiments) <= set(EXPERIMENTS)
    assert (
        setting.default in (None, (), "")
        or not setting.problem(setting.default)
        or (setting.group == "study")
    )


def test_help_loads_no_numbers_and_no_cryptography():
    command = [sys.executable, "-X", "importtime", "run_experiments.py", "--helpfull"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0
    for heavy in ("numpy", "scipy", "crypto.", "cryptography", "tensorflow"):
        assert heavy not in result.stderr


def test_help_is_grouped_and_wrapped_and_says_who_uses_a_setting():
    lines = parse("--help").splitlines()
    assert "Differential privacy:" in lines
    assert max(map(len, lines)) <= 100
    assert "Used by: scheme fedopt." in help_of("sparsity", lines)
    assert "Allowed: a number, from 0 to below 1." in help_of("client_momentum", lines)
    assert "(tuned), else 0.0" in help_of("client_momentum", lines)


def test_helpfull_says_what_presets_set():
    text = " ".join(parse("--helpfull").split())
    rate = preset_settings("paper", "mnist")["learning_rate"]
    assert f"--learning_rate={rate}" in text
    assert "--flagfile" in text


def test_the_tables_for_docs_hold_every_flag_once():
    rows = [row[0] for listed in listing.tables() for row in listed.rows]
    assert sorted(rows) == sorted(f"`--{name}`" for name in USERS)
    assert "| `--client_momentum` | Momentum of the clients' gradient descent" in listing.markdown()


def test_choices_are_those_that_there_are():
    assert tuple(bindings.GROUPS) == sums.CURVES_AND_FIELDS
    assert tuple(STRENGTHS) == sums.KEY_BITS
    for preset in PRESETS:
        for dataset in DATA_SETS:
            for experiment in EXPERIMENTS:
                assert set(preset_settings(preset, dataset, experiment)) <= set(SETTINGS)


def test_every_setting_of_a_run_lies_in_its_group():
    config = parse("--scheme=zhang").config
    assert isinstance(config, RunConfig)
    for name, setting in SETTINGS.items():
        if setting.group != LOCAL:
            changed = config.with_values(**{name: "other"})
            assert changed.value(name) == "other"
            assert changed.with_values(**{name: config.value(name)}) == config


def test_errors_say_what_to_do():
    assert told("--experiment=he", "--rounds=3") == (
        "--rounds has no effect with --experiment=he: leave it out"
    )
    assert told("--scheme=bonawitz", "--phi=2").endswith(
        "use --scheme with one of zhang, zhang_hardened"
    )
    assert "did you mean --rounds?" in told("--roundz=3")
    assert "did you mean bonawitz?" in told("--scheme=bonawits")
    assert told("--new_head") == "--new_head: has no effect without --initial_weights"
    assert told("--initial_weights=w.pt").endswith("must be a file .weights.h5 or .keras")
    assert told("--initial_weights=no/w.keras").endswith("there is no such file")
    assert told("--rounds=many") == "--rounds=many: must be a whole number (see --help)"


@pytest.mark.parametrize(
    ("allowed", "text", "inside", "outside"),
    [
        (Range(least=1), "1 or more", [1, 5], [0, float("nan")]),
        (Range(above=0, below=float("inf")), "above 0 and finite", [0.1], [0, float("inf")]),
        (Range(least=0, below=1), "from 0 to below 1", [0, 0.9], [1, -0.1]),
        (Range(above=0, most=1), "above 0 and at most 1", [1, 0.1], [0, 1.1]),
        (Range(least=0, most=8), "from 0 to 8", [0, 8], [9, -1]),
        (Range(least=0, below=float("inf")), "0 or more, and finite", [0], [float("inf"), -1]),
    ],
)
def test_ranges(allowed, text, inside, outside):
    assert str(allowed) == text
    assert all(map(allowed.allows, inside))
    assert not any(map(allowed.allows, outside))


def test_a_settings_file_stands_beside_flags_which_win(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text(
        '# ours\nscheme = "bonawitz"\nrounds = 9\nlearning_rate = 1\nnormalise = true\n'
        f'out_dir = "{tmp_path}/out"\n'
    )
    found = parse(f"--settings={file}", "--rounds=4")
    by_flags = parse("--scheme=bonawitz", "--rounds=4", "--learning_rate=1", "--normalise")
    assert found.config == by_flags.config
    assert str(found.out_dir) == f"{tmp_path}/out"
    assert parse(f"--settings={file}", "--nonormalise").config.preparation.normalise == "none"
    file.write_text('experiment = "privacy"\nepsilons = [0.5, 10, inf]\nseeds = [1, 2]\n')
    config = parse(f"--settings={file}").config
    assert (config.study.epsilons, config.study.seeds) == (("0.5", "10", "inf"), (1, 2))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("roundz = 3", "unknown setting 'roundz'; did you mean rounds?"),
        ('rounds = "3"', "rounds is '3', but must be a whole number"),
        ("rounds = 3.5", "rounds is 3.5, but must be a whole number"),
        ("rounds = true", "rounds is True, but must be a whole number"),
        ("train_flips = 1", "train_flips is 1, but must be true or false"),
        ('learning_rate = "fast"', "must be a number"),
        ("[training]\nrounds = 3", "has a section 'training': settings stand by themselves"),
        ('out_dir = " "', "out_dir is ' ', but must not be empty"),
        ('data_dir = "a\\u0000b"', "no file can have this name"),
        ('tff_workers = ["h:1", "h:1"]', "none empty and none twice"),
        ('{"config": {}}', "has no settings"),
        ('{"rounds": 3, "rounds": 4}', "'rounds' is there twice"),
        ("{" + '"config": {' * 9999, "must be JSON"),
        ("rounds = 3\nrounds = 4", "must be TOML"),
        ('given = ["model"]', "unknown setting 'given'"),
        ('settings = "other.toml"', "unknown setting 'settings'"),
        ("rounds = ", "must be TOML"),
        ("rounds = 0", "--rounds=0: must be 1 or more"),
        ("vector_length = 3", "--vector_length has no effect with --experiment=train"),
    ],
)
def test_what_a_settings_file_may_not_say(tmp_path, text, message):
    file = tmp_path / "run.toml"
    file.write_text(text)
    assert message in told(f"--settings={file}")
    assert len(told(f"--settings={file}").splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("run.toml", "rounds = 3\r\n"),
        ("config.JSON", '{"config": {"rounds": 3}}'),
        ("run.txt", '{"rounds": 3}'),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_settings_files_in_other_forms(tmp_path, name, text, encoding):
    (tmp_path / name).write_text(text, encoding=encoding)
    assert parse(f"--settings={tmp_path}/{name}").config.training.rounds == 3


def test_a_settings_file_that_is_not_there(tmp_path):
    assert told(f"--settings={tmp_path}").endswith("is a folder: name a file in it")
    (tmp_path / "run.toml").write_bytes("# für".encode("latin-1"))
    assert told(f"--settings={tmp_path}/run.toml").endswith("save it as UTF-8")
    assert told(f"--settings={tmp_path}/no.toml").endswith("name another file")
    (tmp_path / "config.json").write_text("[]")
    assert "has no settings" in told(f"--settings={tmp_path}/config.json")
    (tmp_path / "config.json").write_text("{")
    assert "must be JSON" in told(f"--settings={tmp_path}/config.json")


@pytest.mark.parametrize(
    "arguments",
    [
        *(["--experiment=" + name] for name in EXPERIMENTS),
        *(["--scheme=" + name, "--rounds=7"] for name in SCHEMES),
        *(["--preset=" + name, "--dataset=ham10000"] for name in PRESETS),
        ["--experiment=privacy", "--learning_rate=0.1", "--seeds=3,4"],
        ["--experiment=privacy_tuning", "--lot_size=77"],
        [
            *("--scheme=bonawitz", "--dp_noise=distributed", "--epsilon=3"),
            *("--local_steps=1", "--augment_copies=0"),
        ],
        ["--split=paper", "--partition=dirichlet", "--learning_rate=0.1234567890123"],
        ["--scheme=zhang", "--dropout_rate=0.1", "--dropout_stages=masked input"],
    ],
    ids=" ".join,
)
def test_the_config_of_a_run_gives_the_same_run(tmp_path, arguments):
    first = parse(*arguments)
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"config": first.config.as_dict(), "data": {}}))
    again = parse(f"--settings={file}")
    assert again.config.as_dict() == first.config.as_dict()
    assert again.out_dir == first.out_dir
    for name in used_by(first.config.run.experiment):
        if SETTINGS[name].group != LOCAL:
            assert again.config.value(name) == first.config.value(name)


@pytest.mark.parametrize(
    ("name", "earlier", "present"),
    [("partition", "source", "site"), ("dp_unit", "lesion", "group")],
)
def test_values_that_were_renamed_are_accepted_under_their_earlier_names(
    tmp_path, name, earlier, present
):
    noisy = ("--dataset=ham10000", "--dp_noise=local", "--epsilon=1", "--augment_copies=0")
    config = parse(*noisy, f"--{name}={earlier}").config
    assert config.value(name) == present
    now = parse(*noisy, f"--{name}={present}")
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"config": now.config.as_dict() | {name: earlier}}))
    assert parse(f"--settings={file}").config == now.config
    with ResultsFolder(tmp_path, now.config.as_dict()):
        pass  # a run of the earlier version is gone on with
    with (
        pytest.raises(ConfigError, match=f"{name} is {earlier}, not "),
        ResultsFolder(tmp_path, now.config.as_dict() | {name: "record"}),
    ):
        pass


def test_what_was_chosen_gives_way_to_flags_of_the_second_command_too(tmp_path):
    first = parse("--experiment=privacy", "--learning_rate=0.1")
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"config": first.config.as_dict()}))
    assert parse(f"--settings={file}").config.study.given == ("learning_rate",)
    second = parse(f"--settings={file}", "--lot_size=9").config
    assert second.study.given == ("learning_rate", "lot_size")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "Expecting value"),
        ("[" * 99_999, "use what privacy_tuning wrote"),
        ('{"digits": 3}', "has no settings by data set and epsilon"),
        ('{"digits": {"nan": {}}}', "'nan' must be an epsilon"),
        ('{"digits": {"1": {"rounds": 3}}}', "rounds found; allowed are"),
        ('{"digits": {"1": {"learning_rate": "x"}}}', "but must be a number"),
        ('{"digits": {"1": {"learning_rate": -1}}}', "but must be above 0 and finite"),
        ('{"digits": {"1": {"model": "nope"}}}', "model of epsilon 1 is 'nope', but found 'nope'"),
    ],
)
def test_what_a_file_of_chosen_settings_may_not_say(tmp_path, text, message):
    (tmp_path / "chosen.json").write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_chosen(f"{tmp_path}/chosen.json", "digits")


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        ((), "train-fedavg-synthetic_lesions-clean-950f7931"),
        (("--normalise", "--dataset=ham10000"), "train-fedavg-ham10000-clean-7ef3d614"),
        (
            ("--partition=source", "--dataset=ham10000", "--num_clients=4"),
            "train-fedavg-ham10000-clean-88222f3f",
        ),
        (("--experiment=he",), "he-8c7c6fea"),
    ],
)
def test_default_folders_stay_where_values_have_new_names(given, folder):
    assert str(parse(*given).out_dir) == f"results/{folder}"
