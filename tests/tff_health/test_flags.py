import subprocess
import sys

import pytest

from tff_health import flags
from tff_health.errors import ConfigError
from tff_health.schemes import SCHEMES
from tff_health.settings.checks import validate

ENVIRONMENT = {"TFF_HEALTH_DATA_DIR": "/data", "XDG_CACHE_HOME": "/cache"}


PRIVATE = ("--scheme=bonawitz", "--dp_noise=local")


def parse(*arguments):
    return flags.parse(["run_experiments.py", *arguments], ENVIRONMENT)


def test_no_flags_is_the_quick_preset_on_embedded_images():
    config = parse().config
    assert (config.run.experiment, config.run.scheme, config.run.preset) == (
        "train",
        "fedavg",
        "quick",
    )
    assert (config.data.dataset, config.data.split) == ("synthetic_lesions", "clean")


def test_paper_preset_is_the_papers_settings_and_flags_override_it():
    config = parse("--preset=paper", "--dataset=ham10000").config
    assert (config.training.rounds, config.cohort.num_clients, config.training.batch_size) == (
        300,
        10,
        100,
    )
    assert (config.optimizer.learning_rate, config.data.split, config.data.augment_copies) == (
        0.01,
        "paper",
        8,
    )
    assert config.training.model == "paper_cnn"
    changed = parse("--preset=paper", "--dataset=ham10000", "--rounds=7", "--split=clean").config
    assert (changed.training.rounds, changed.data.split, changed.training.batch_size) == (
        7,
        "clean",
        100,
    )


def test_the_tuned_presets_rate_falls_over_the_rounds_that_are_asked_for():
    tuned = ("--preset=tuned", "--dataset=ham10000")
    assert [parse(*tuned).config.training.rounds, parse(*tuned).config.optimizer.decay_rounds] == [
        200,
        200,
    ]
    assert parse(*tuned, "--rounds=100").config.optimizer.decay_rounds == 100
    assert parse(*tuned, "--rounds=100", "--decay_rounds=0").config.optimizer.decay_rounds == 0
    assert parse("--preset=tuned", "--experiment=ablation").config.optimizer.decay_rounds == 200
    assert parse("--rounds=100").config.optimizer.decay_rounds == 0


@pytest.mark.parametrize("preset", ["quick", "paper", "tuned"])
@pytest.mark.parametrize(
    "dataset", ["ham10000", "dermamnist", "mnist", "synthetic_lesions", "digits"]
)
def test_every_preset_is_valid_for_every_data_set(preset, dataset):
    validate(parse(f"--preset={preset}", f"--dataset={dataset}").config)


@pytest.mark.parametrize("experiment", ["privacy", "privacy_tuning"])
def test_budgets_are_spent_on_images_that_can_be_learnt_under_them(experiment):
    config = parse(f"--experiment={experiment}").config
    assert (config.data.dataset, config.training.model, config.cohort.num_clients) == (
        "digits",
        "mnist_cnn",
        3,
    )
    drawn = parse(f"--experiment={experiment}", "--dataset=synthetic_lesions").config
    assert drawn.data.dataset == "synthetic_lesions"


def test_schemes_are_compared_on_images_that_all_of_them_can_learn_quickly():
    config = parse("--experiment=schemes").config
    assert (config.data.dataset, config.training.model, config.training.rounds) == (
        "digits",
        "mnist_cnn",
        12,
    )
    assert config.training.local_epochs == 2
    assert parse("--experiment=schemes", "--dataset=ham10000").config.training.local_epochs == 1


def test_help_names_the_default_data_set_of_each_experiment():
    text = flags.parse(["run_experiments.py", "--help"], ENVIRONMENT)
    wanted = (
        "Default: synthetic_lesions, but digits for schemes, poisoning, privacy, privacy_tuning."
    )
    assert wanted in " ".join(text.split())


def test_folders():
    invocation = parse("--data_dir=/here", "--out_dir=there")
    assert str(invocation.data_dir) == "/here"
    assert str(invocation.out_dir) == "there"
    assert str(parse().data_dir) == "/data"
    assert str(parse().cache_dir).startswith("/cache/tff_health")


def test_the_default_folder_is_the_same_for_the_same_settings_only():
    assert parse().out_dir == parse("--experiment=train").out_dir
    assert parse().out_dir != parse("--seed=1").out_dir


def test_flagfile(tmp_path):
    (tmp_path / "flags.txt").write_text("--rounds=9\n# a comment\n--seed=4\n")
    config = parse(f"--flagfile={tmp_path / 'flags.txt'}", "--seed=5").config
    assert (config.training.rounds, config.run.seed) == (9, 5)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_flagfile_as_editors_and_shells_of_windows_write_it(tmp_path, encoding):
    (tmp_path / "flags.txt").write_text("--rounds=9\r\n// ours\r\n", encoding=encoding)
    assert parse("--flagfile", str(tmp_path / "flags.txt")).config.training.rounds == 9


def test_flagfiles_read_flagfiles_but_not_themselves(tmp_path):
    (tmp_path / "a").write_text(f"--flagfile={tmp_path}/b\n--rounds=9\n")
    (tmp_path / "b").write_text("--rounds=8\n--seed=4\n")
    config = parse(f"--flagfile={tmp_path}/a").config
    assert (config.training.rounds, config.run.seed) == (9, 4)
    (tmp_path / "b").write_text(f"--flagfile={tmp_path}/a\n")
    with pytest.raises(ConfigError, match="/a: reads itself: remove that line"):
        parse(f"--flagfile={tmp_path}/a")


def test_a_flagfile_that_is_no_text(tmp_path):
    (tmp_path / "flags").write_bytes("# für\n--rounds=3".encode("latin-1"))
    with pytest.raises(ConfigError, match="is not text in UTF-8, from byte 3 on: save it as"):
        parse(f"--flagfile={tmp_path}/flags")


def test_the_home_folder_in_paths(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "run.toml").write_text("rounds = 9")
    invocation = parse("--out_dir=~/results", "--data_dir=~/data", "--settings=~/run.toml")
    assert (invocation.out_dir, invocation.data_dir) == (tmp_path / "results", tmp_path / "data")
    assert invocation.config.training.rounds == 9


def test_settings_of_schemes():
    config = parse("--scheme=bonawitz", "--dropout_rate=0.3", "--topology=sparse").config
    assert (config.cohort.clients_per_round, config.num_dropouts, config.modulus_bits) == (
        10,
        3,
        23,
    )
    config = parse("--scheme=zhang", "--quality_decimals=0", "--max_quality=100").config
    assert (config.max_update_weight, config.modulus_bits) == (100, 29)
    settings = parse("--scheme=zhang", "--key_setup=dkg", "--group=ffdhe2048", "--proofs").config
    assert settings.protocol_settings().key_setup == "dkg"
    assert settings.protocol_settings().proofs


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_takes_the_defaults_of_the_others_settings(scheme):
    validate(parse(f"--scheme={scheme}").config)


def test_workers():
    found = parse("--tff_workers=localhost:8000,10.0.0.2:9000")
    assert found.workers == ("localhost:8000", "10.0.0.2:9000")
    assert parse().workers == ()
    assert found.out_dir == parse().out_dir


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dropout_rate=1"], "--dropout_rate=1.0: must be from 0 to below 1"),
        (["--dropout_rate=nan"], "--dropout_rate=nan"),
        (["--clients_per_round=11"], "--clients_per_round=11: must be from 1 to --num_clients=10"),
        (["--clients_per_round=0"], "--clients_per_round=0"),
        (["--dropout_draw=maybe"], "--dropout_draw=maybe: allowed are exact, independent"),
        (["--threshold=6"], "--threshold=6 has no effect with --scheme=fedavg"),
        (["--scheme=bonawitz", "--threshold=5"], "must lie in 6..10"),
        (["--scheme=bonawitz", "--threshold=-1"], "--threshold=-1"),
        (["--scheme=zhang_hardened", "--dropout_rate=0.4"], "lower it, or set --threshold to 6"),
        (["--scheme=zhang_hardened", "--threshold=5"], "must lie in 6..10"),
        (["--scheme=bonawitz", "--num_clients=2"], "at least 3 are needed"),
        (["--scheme=bonawitz", "--dropout_rate=0.5"], "leaves 5 of 10 clients, and 7 must"),
        (
            ["--scheme=bonawitz", "--dropout_stages=lunch"],
            "unknown stage 'lunch'; choose from: advertise",
        ),
        (["--scheme=bonawitz", "--phi=2"], "--phi=2 has no effect with --scheme=bonawitz"),
        (["--scheme=bonawitz", "--topology=ring"], "--topology=ring: allowed are complete, sparse"),
        (["--scheme=bonawitz", "--topology=sparse", "--threshold=6"], "sets its own"),
        (["--scheme=bonawitz", "--fraction_bits=51"], "--fraction_bits=51: must be from 0 to 50"),
        (["--scheme=zhang", "--fraction_bits=40"], "need 73 bits; 62 are there"),
        (["--scheme=bonawitz", "--clip_range=0"], "--clip_range=0.0: must be above 0"),
        (["--scheme=zhang", "--group=p256"], "--group=p256: allowed are secp256k1"),
        (["--scheme=zhang", "--quality_decimals=7"], "--quality_decimals=7: must be from 0 to 6"),
        (["--scheme=zhang", "--quality_distance=l1"], "allowed are squares, norm, signs"),
        (["--scheme=zhang", "--max_quality=3e9", "--fraction_bits=9"], "sums exceed"),
        (["--scheme=zhang", "--phi=-1"], "--phi=-1: must be 0 or more"),
        (["--scheme=zhang_hardened", "--noproofs", "--key_setup=dkg"], "has no effect"),
        (["--scheme=bonawitz", "--norm_bound=1"], "which --verify makes: add it"),
        (["--scheme=bonawitz", "--verify", "--norm_bound=-1"], "must be 0 (no bound) or more"),
        (["--scheme=fang", "--norm_bound=1"], "--norm_bound=1.0 has no effect with --scheme=fang"),
        (["--scheme=fang", "--he=rsa"], "--he=rsa: allowed are paillier, elgamal, ckks, bfv"),
        (["--scheme=fang", "--key_bits=1024"], "--key_bits=1024: allowed are 2048, 3072"),
        (["--scheme=fang", "--he=elgamal", "--key_bits=3072"], "has no effect with --he=elgamal"),
        (["--scheme=fang", "--he=elgamal", "--fraction_bits=30"], "lower --fraction_bits"),
        (["--scheme=fang", "--num_clients=2"], "2 clients"),
        (["--scheme=fang", "--dropout_rate=0.1"], "leaves 9 of 10 clients, and 10 must survive"),
        (["--scheme=fang", "--threshold=6"], "--threshold=6 has no effect with --scheme=fang"),
        (["--scheme=bonawitz", "--he=ckks"], "--he=ckks has no effect with --scheme=bonawitz"),
        (["--scheme=fedopt", "--sparsity=0"], "--sparsity=0.0: must be above 0 and at most 1"),
        (["--scheme=fedopt", "--sparsity=1.5"], "--sparsity=1.5"),
        (["--scheme=fang", "--sparsity=0.1"], "--sparsity=0.1 has no effect with --scheme=fang"),
        (["--experiment=he", "--rounds=3"], "--rounds has no effect with --experiment=he"),
        (["--experiment=he", "--tff_workers=a:1"], "--tff_workers has no effect with --experiment"),
        (["--experiment=he", "--num_clients=2"], "--num_clients=2: must be 3 or more"),
        (["--experiment=he", "--vector_length=-1"], "--vector_length=-1: must be from 1 to"),
        (["--experiment=he", "--fraction_bits=50", "--num_clients=999"], "62 are there"),
        (["--vector_length=10"], "--vector_length has no effect with --experiment=train"),
        (["--tff_workers=localhost"], "--tff_workers=localhost: must be host:port"),
        (["--tff_workers=host:99999"], "--tff_workers=host:99999"),
        (["--rounds=0"], "--rounds=0: must be 1 or more"),
        (["--rounds=many"], "rounds"),
        (["--rounds=99999999999999999999"], "--rounds=99999999999999999999: must be at most"),
        ([*PRIVATE, "--epsilon=0"], "both, above 0; 0 says that there is none"),
        ([*PRIVATE, "--epsilon=1", "--local_steps=99999999999999999999"], "must be at most"),
        ([*PRIVATE, "--epsilon=1", "--noise_seed=99999999999999999999"], "at most 2147483647"),
        (["--learning_rate=1e-320"], "must be above 0 and finite, from 1e-30 to 1e+30"),
        (["--scheme=zhang_hardened", "--max_quality=1e308"], "must be above 0 and finite"),
        (["--out_dir="], "--out_dir=: is empty"),
        (["--data_dir="], "--data_dir=: is empty"),
        (["--tff_workers="], "--tff_workers=: is empty"),
        (["--learning_rate=-0.1"], "--learning_rate=-0.1: must be above 0"),
        (["--learning_rate=nan"], "must be above 0 and finite"),
        (["--learning_rate=inf"], "must be above 0 and finite"),
        (["--batch_size=0"], "--batch_size=0"),
        (["--num_clients=-3"], "--num_clients=-3"),
        (["--local_epochs=0"], "--local_epochs"),
        (["--eval_every=0"], "--eval_every"),
        (["--seed=-1"], "--seed=-1: must be from 0"),
        (["--scheme=magic"], "--scheme=magic: allowed are fedavg"),
        (["--experiment=magic"], "--experiment=magic: allowed are train, schemes"),
        (["--dataset=cats"], "--dataset=cats: allowed are ham10000"),
        (["--preset=slow"], "--preset=slow: allowed are quick, paper, tuned"),
        (["--preset=tuned", "--experiment=he"], "--preset=tuned has no effect with"),
        (["--split=random"], "--split=random: allowed are clean, paper, given"),
        (["--dataset=mnist", "--split=clean"], "--dataset=mnist allows given"),
        (["--partition=age"], "--partition=age: allowed are iid"),
        (["--partition_alpha=0"], "--partition_alpha=0.0: must be above 0"),
        (["--noisy_clients=1.5"], "--noisy_clients=1.5: must be from 0 to 1"),
        (["--noisy_labels=nan"], "--noisy_labels=nan: must be from 0 to 1"),
        (["--augment_copies=9"], "--augment_copies=9: must be from 0 to 8"),
        (["--split=paper", "--augment_copies=2"], "8 copies of each image by definition"),
        (["--model=resnet"], "--model=resnet: found 'resnet'"),
        (["--model=no_such_module:build"], "no module 'no_such_module'"),
        (["--roundz=3"], "roundz"),
        (["--rounds"], "rounds"),
        (["rounds=3"], "'rounds=3' is not a flag"),
        (["--flagfile=/no/such/file"], "--flagfile=/no/such/file: No such file"),
        (["--flagfile="], "--flagfile=: is empty"),
        (["--flagfile"], "--flagfile=: is empty"),
        (["--flagfile=/"], "--flagfile=/: is a folder: name a file in it"),
        (["--out_dir= "], "--out_dir=: is empty"),
        (["--settings=a\0b"], "no file can have this name"),
        (["--out_dir=a\0b"], "no file can have this name"),
        (["--out_dir=~no_such_user/x"], "no home folder is known here"),
        (["--experiment=privacy", "--chosen="], "--chosen=: is empty"),
        (["--nodry_run=true"], "--nodry_run=true does not take an argument"),
        (["--train_flips=perhaps"], "--train_flips=perhaps: must be true or false"),
        (["--normalise=perhaps"], "--normalise=perhaps: allowed are none, public, secure"),
        (["--LEARNING_RATE=1"], "did you mean --learning_rate?"),
        (["--given=model"], "--given: no setting has this name (see"),
        (["--model=Paper-CNN"], "did you mean paper_cnn?"),
        (["--tff_workers=h:1,h:1"], "--tff_workers=h:1,h:1: must be texts"),
        (["--tff_workers=H:1,h:01"], "has h:01 twice; name it once"),
        (["--tff_workers=h:1,"], "--tff_workers=h:1,: must be texts"),
        (["--tff_workers=h:\u0663"], "must be host:port"),
        (["--tff_workers=http://h:1"], "must be host:port"),
        (["--tff_workers=::1:9000"], "with an IPv6 address in square brackets"),
        (["--scheme=bonawitz", "--dropout_stages=unmasking,unmasking"], "none twice"),
        (["--experiment=privacy", "--epsilons=1e400"], "must be finite numbers, or inf"),
        (["--experiment=privacy", "--epsilons=\uff11"], "must be numbers in plain digits"),
    ],
)
def test_what_is_not_allowed_is_told(arguments, message):
    with pytest.raises(ConfigError) as caught:
        parse(*arguments)
    assert message in str(caught.value)


def test_all_problems_are_told_at_once():
    with pytest.raises(ConfigError) as caught:
        parse("--rounds=0", "--scheme=magic", "--seed=-1")
    assert len(str(caught.value).splitlines()) == 3


def run(*arguments):
    command = [sys.executable, "-X", "importtime", "run_experiments.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_help_names_every_flag_without_loading_tensorflow():
    result = run("--help")
    assert result.returncode == 0
    for name in ("experiment", "scheme", "dataset", "data_dir", "split", "out_dir", "eval_every"):
        assert f"--{name}:" in result.stdout
    assert "tensorflow" not in result.stderr


def test_help_can_be_cut_short():
    text = f"{sys.executable} run_experiments.py --help | head -1"
    result = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=False)
    assert result.stderr == ""
    assert len(result.stdout.splitlines()) == 1


def test_an_error_is_one_line_and_exit_code_2_without_loading_tensorflow():
    result = run("--rounds=0")
    assert result.returncode == 2
    assert "tensorflow" not in result.stderr
    said = [line for line in result.stderr.splitlines() if not line.startswith("import time:")]
    assert said == ["error: --rounds=0: must be 1 or more"]
