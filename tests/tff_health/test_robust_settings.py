"""Settings of robust means: what they say together, and what is refused before anything starts."""

import pytest

from crypto.session.thresholds import MIN_CLIENTS
from tests.tff_health.test_settings import parse, told
from tff_health.errors import ConfigError
from tff_health.federation.study import read_study
from tff_health.settings.groups.robust import OF_GROUPS, SMALLEST_GROUP
from tff_health.training.run import build_protocol

GROUPS = ("--scheme=bonawitz", "--robust=groups", "--num_clients=10")


def config(*arguments):
    return parse(*arguments).config


def test_no_group_is_smaller_than_the_smallest_cohort():
    assert SMALLEST_GROUP == MIN_CLIENTS
    assert "--group_size=2: must be 3 or more" in told(*GROUPS, "--group_size=2")


def test_groups_come_with_their_protocol():
    given = config(*GROUPS, "--group_size=4", "--group_rule=trimmed_mean", "--trimmed_share=0.3")
    assert given.group_sizes == range(4, 8)
    assert "commit to a dealing" in build_protocol(given).stages
    assert "commit to a dealing" not in build_protocol(config("--scheme=bonawitz")).stages
    assert config("--num_clients=10", "--scheme=bonawitz").group_sizes == range(10, 11)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--scheme=fedavg", "--robust=groups"), "--robust=groups has no effect with --scheme"),
        (("--scheme=fang", "--robust=groups"), "use --scheme with one of bonawitz, zhang"),
        (("--scheme=bonawitz", "--group_size=4"), "--group_size=4 has no effect with --robust"),
        (("--scheme=bonawitz", "--group_rule=mean"), "--group_rule=mean has no effect"),
        ((*GROUPS, "--trimmed_share=0.3"), "no effect with --group_rule=median"),
        ((*GROUPS, "--group_rule=trimmed_mean", "--trimmed_share=0.5"), "--trimmed_share=0.5"),
        ((*GROUPS, "--group_size=6"), "10 clients a round make no two groups of that size"),
        ((*GROUPS, "--clients_per_round=5"), "5 clients a round make no two groups"),
        ((*GROUPS, "--threshold=5"), "threshold=5 must lie in"),
        ((*GROUPS, "--dropout_rate=0.8"), "leaves 2 of 10 clients, too few for a group of 3"),
        ((*GROUPS, "--dropout_stages=reveal"), "unknown stage 'reveal'; choose from: commit to"),
        ((*GROUPS, "--group_rule=krum"), "allowed are median, trimmed_mean"),
        ((*GROUPS, "--update_norm=-1"), "--update_norm=-1.0: must be 0 or more"),
        (
            (*GROUPS, "--dp_noise=distributed", "--epsilon=5", "--dataset=digits"),
            "--robust=groups: not with --dp_noise=distributed",
        ),
        (
            ("--scheme=bonawitz", "--update_norm=1", "--dp_noise=client", "--epsilon=5"),
            "--update_norm=1.0: not with --dp_noise=client",
        ),
        ((*GROUPS, "--client_times=equal"), "--robust=groups: not with --client_times=equal"),
        (("--scheme=fedopt", "--update_norm=1"), "--update_norm=1.0 has no effect"),
        (("--experiment=schemes", "--robust=groups"), "--robust has no effect with --experiment"),
    ],
)
def test_what_is_refused(arguments, problem):
    assert problem in told(*arguments)


def test_thresholds_hold_for_every_size_that_a_group_can_have():
    assert config(*GROUPS, "--threshold=3").protocol.threshold == 3
    # A majority of 5 and 6 clients, which groups of 4 can become, is more than 3.
    assert "more than half" in told(*GROUPS, "--group_size=4", "--threshold=3")


def test_stages_of_the_dealing_can_be_dropped_out_of():
    given = config(*GROUPS, "--dropout_rate=0.1", "--dropout_stages=reveal for a dealing")
    assert given.cohort.dropout_stages == ("reveal for a dealing",)


def test_runs_without_groups_keep_nothing_of_them():
    kept = config("--scheme=bonawitz").as_dict()
    assert not kept.keys() & {*OF_GROUPS, "update_norm"}
    assert {*OF_GROUPS} <= config(*GROUPS).as_dict().keys()


def test_sites_that_are_apart_refuse_groups(tmp_path):
    study = tmp_path / "study.toml"
    study.write_text(
        '[study]\nname = "s"\nserver = "localhost:8470"\nclients = [0, 1, 2, 3, 4, 5]\n'
        '[settings]\nscheme = "bonawitz"\nrobust = "groups"\n'
    )
    with pytest.raises(ConfigError, match="robust: leave it out: groups are dealt"):
        read_study(study)
