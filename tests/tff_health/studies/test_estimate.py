import pytest

from tff_health import flags
from tff_health.errors import ConfigError
from tff_health.experiments import ablation
from tff_health.measurements.scheme_probe import SchemeProbe
from tff_health.studies import estimate
from tff_health.studies.study import Study
from tff_health.training import run_model, timing

ARGUMENTS = ("--experiment=ablation", "--dataset=digits", "--validation_fraction=0", "--seeds=0")


def invocation_of(*arguments):
    return flags.parse(["run_experiments.py", *ARGUMENTS, *arguments], {})


def study_of(tmp_path, *arguments):
    given = invocation_of(*arguments)
    parts = ablation.plan(given.config)
    return Study(given, parts, tmp_path), parts


@pytest.fixture
def measured(monkeypatch):
    """What would be timed; a client takes a second, 500 images that are judged do as well."""
    calls = []

    def client_seconds(images, config, steps, at_once):
        calls.append((config.training.model, config.training.batch_size, steps, at_once))
        return 1.0

    def evaluation_seconds(images, config):
        calls.append(
            (
                config.training.model,
                config.preparation.test_flips,
                config.preparation.test_rotations,
            )
        )
        return 1 / 500

    monkeypatch.setattr(timing, "client_seconds", client_seconds)
    monkeypatch.setattr(timing, "evaluation_seconds", evaluation_seconds)
    return calls


def seconds_of(tmp_path, *arguments):
    study, parts = study_of(tmp_path, *arguments)
    return estimate.Estimates(study, parts).seconds()[parts[0].name], study, parts


def test_a_run_takes_the_rounds_of_its_clients_and_its_evaluations(tmp_path, measured, monkeypatch):
    monkeypatch.setattr(estimate, "num_processors", lambda: 2)
    small = ("--num_clients=4", "--eval_every=5", "--batch_size=16", "--local_epochs=3")
    one, study, parts = seconds_of(tmp_path, *small, "--rounds=1")
    more = seconds_of(tmp_path, *small, "--rounds=11")[0]
    held = [len(client.training) for client in study.federated(parts[0].config).clients]
    tested = len(study.federated(parts[0].config).test)
    assert more - one == pytest.approx(10 * (2 * 1.0 + tested / 500 / 5))
    assert measured[0] == (parts[0].config.training.model, 16, -(-3 * sum(held) // (4 * 16)), 2)


def test_what_runs_share_is_timed_once(tmp_path, measured):
    study, parts = study_of(tmp_path, "--preset=tuned")
    estimate.Estimates(study, parts).seconds()
    assert len(measured) < len(parts)


def test_a_secure_sum_takes_time_for_every_number(tmp_path, measured, monkeypatch):
    found = SchemeProbe({"upload": True}, "", fixed_seconds=0.5, seconds_per_number=2e-6)
    monkeypatch.setattr(estimate, "probe", lambda protocol, task: found)
    monkeypatch.setattr(run_model, "num_parameters", lambda config, images: 0)
    least = seconds_of(tmp_path, "--scheme=bonawitz", "--rounds=10")[0]
    monkeypatch.setattr(run_model, "num_parameters", lambda config, images: 10**7)
    most = seconds_of(tmp_path, "--scheme=bonawitz", "--rounds=10")[0]
    assert most - least == pytest.approx(10 * 2e-6 * 10**7)


def test_a_model_is_counted_trained_and_judged_as_a_run_would_have_it(tmp_path):
    study, parts = study_of(tmp_path, "--test_flips", "--train_rotations", "--client_momentum=0.5")
    config = parts[0].config
    assert run_model.num_parameters(config, study.images) > 1000
    assert timing.client_seconds(study.images, config, 3, at_once=2) > 0
    assert timing.evaluation_seconds(study.images, config) > 0


def test_a_model_that_cannot_be_built_is_told(tmp_path):
    study, parts = study_of(tmp_path, "--model=math:floor")
    with pytest.raises(ConfigError, match=r"--model=math:floor: .* two arguments"):
        estimate.Estimates(study, parts).seconds()


def test_a_text_for_people_names_every_run(tmp_path, measured):
    study, parts = study_of(tmp_path, "--rounds=3")
    text = estimate.dry_run_text(study, parts)
    assert all(part.name in text for part in parts)
    assert text.startswith(f"{len(parts)} runs, about ")
