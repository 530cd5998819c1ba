"""What a site's program refuses beyond its policy, as its study needs more."""

from types import SimpleNamespace

import pytest

from tests.tff_health.federation.test_study_and_site import STUDY, study_of
from tff_health.errors import ConfigError
from tff_health.federation.errors import FederationError
from tff_health.federation.programs.site_rules import SiteRules

PLAIN = STUDY.replace("[3, 1, 2]", "[1, 2, 3, 4, 5]")
NOISE = 'dp_noise = "distributed"\nnoise_multiplier = 2.0\nlocal_steps = 1\n'
NOISY = PLAIN + NOISE


class Policy:
    verified = True

    def check_cohort(self, size, threshold):
        """Allow all."""


class Training:
    def noisy_steps(self, rounds):
        """Say that there is none, as nothing is trained."""


def rules_of(study):
    state = SimpleNamespace(ledger=SimpleNamespace(spend=lambda *_: 0.0))
    return SiteRules(SimpleNamespace(study=study, policy=Policy()), state, Training())


def test_a_sum_with_less_distributed_noise_than_is_counted(tmp_path):
    rules = rules_of(study_of(tmp_path, NOISY))
    rules.check_cohort(5, 4)
    rules.check_cohort(4, 4)
    with pytest.raises(FederationError, match="over 3 sites would have less noise than is counted"):
        rules.check_cohort(4, 3)


def test_without_such_noise_the_policy_alone_decides(tmp_path):
    for noise in ("", NOISE.replace("distributed", "local")):
        rules_of(study_of(tmp_path, PLAIN + noise)).check_cohort(4, 3)


@pytest.mark.parametrize("scheme", ["zhang", "zhang_hardened", "fedopt"])
def test_schemes_whose_sums_cannot_hold_distributed_noise_are_refused(tmp_path, scheme):
    with pytest.raises(ConfigError, match="shows nothing but an exact sum: bonawitz, fang"):
        study_of(tmp_path, NOISY.replace('"bonawitz"', f'"{scheme}"'))


def test_a_site_that_insists_on_checked_sums_stops_after_one_that_was_not(tmp_path, caplog):
    rules = rules_of(study_of(tmp_path, PLAIN + "verify = true\n"))
    rules.check_round(1)
    rules.summed(1, is_checked=True)
    rules.check_round(2)
    rules.summed(2, is_checked=False)
    assert "round 2: its sum could not be checked, or is wrong" in caplog.text
    with pytest.raises(FederationError, match=r"policy\.verified: .* in the sum of round 2"):
        rules.check_round(3)


def test_where_sums_are_not_checked_nothing_is_missed(tmp_path, caplog):
    rules = rules_of(study_of(tmp_path, PLAIN))
    rules.summed(1, is_checked=False)
    rules.check_round(2)
    assert caplog.text == ""
