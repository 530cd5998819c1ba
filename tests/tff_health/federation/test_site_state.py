"""Journal and ledger of a site."""

import math

import pytest

from crypto.session.opened_rounds import OpenedRounds
from tests.tff_health.federation.parties import STUDY
from tff_health.federation.consortium import enrolment
from tff_health.federation.errors import FederationError
from tff_health.federation.site.ledger import DAY
from tff_health.federation.site.policy import SitePolicy
from tff_health.federation.site.state import JOURNAL, LEDGER, SiteState, create_state
from tff_health.privacy.accounting import Accountant
from tff_health.privacy.mechanism import NoisySteps

ONE, TWO = bytes([1]) * 32, bytes([2]) * 32
STEPS = NoisySteps(2.0, 0.05, 20)


def policy(**changes):
    values = {
        "schemes": ("bonawitz",),
        "smallest_cohort": 3,
        "smallest_threshold": 2,
        "colluders": 0,
        "epsilon_budget": math.inf,
        "rounds_a_day": 1000,
    }
    return SitePolicy(**{**values, **changes})


@pytest.fixture
def folder(tmp_path):
    enrolment.enrol(tmp_path / "site", "one")
    create_state(tmp_path / "site")
    return tmp_path / "site"


@pytest.fixture
def state(folder):
    states = []

    def open_state(**changes):
        for former in states:
            former.close()
        states[:] = [SiteState.open(folder, policy(**changes))]
        return states[0]

    yield open_state
    states[0].close()


def test_the_journal_outlives_its_program(state):
    rounds = state().journal.of(STUDY, "masking")
    assert rounds.opened(1) is None
    rounds.record(1, ONE)
    rounds.record(1, ONE)  # the same session may say so twice
    assert rounds.opened(1) == ONE
    again = state()
    assert again.journal.of(STUDY, "masking").opened(1) == ONE
    assert len(again.logs[0].records) == 1
    with pytest.raises(FederationError, match="round 1 was opened by another session already"):
        again.journal.of(STUDY, "masking").record(1, TWO)


def test_journals_of_other_studies_and_protocols_are_others(state):
    journal = state().journal
    journal.of(STUDY, "masking").record(1, ONE)
    for other in (journal.of(b"t" * 32, "masking"), journal.of(STUDY, "quality_sum")):
        assert other.opened(1) is None
        other.record(1, TWO)
    assert journal.of(STUDY, "masking").opened(1) == ONE


def test_a_client_that_was_started_anew_refuses_a_second_sum(state):
    OpenedRounds(state().journal.of(STUDY, "masking")).opening(3, ONE).take()
    rounds = OpenedRounds(state().journal.of(STUDY, "masking"))
    with pytest.raises(Exception, match="a second sum of round 3"):
        rounds.opening(3, TWO)
    rounds.opening(3, ONE).take()
    rounds.opening(4, TWO).take()


def test_epsilon_is_that_of_all_steps_together(state):
    ledger = state().ledger
    assert ledger.epsilon == 0
    for round_id in range(3):
        told = ledger.spend(STUDY, round_id, STEPS, when=1000)
    accountant = Accountant("pld", 1e-5)
    assert told == ledger.epsilon == accountant.epsilon(NoisySteps(2.0, 0.05, 60))
    ledger.spend(b"t" * 32, 0, NoisySteps(3.0, 0.05, 20), when=1000)
    assert ledger.epsilon > told
    assert ledger.epsilon_of(STUDY) == told
    assert state().ledger.epsilon_of(STUDY) == told


def test_a_budget_that_is_spent_says_no_also_after_a_restart(state):
    allowed = Accountant("pld", 1e-5).epsilon(NoisySteps(2.0, 0.05, 40)) + 1e-9
    ledger = state(epsilon_budget=allowed).ledger
    ledger.spend(STUDY, 0, STEPS, when=0)
    ledger.spend(STUDY, 1, STEPS, when=0)
    for _ in range(2):
        with pytest.raises(FederationError, match=r"privacy budget: round 2 would bring"):
            ledger.spend(STUDY, 2, STEPS, when=0)
        ledger = state(epsilon_budget=allowed).ledger
    # Another study does not get around it, and less noise neither.
    with pytest.raises(FederationError, match="privacy budget"):
        ledger.spend(b"t" * 32, 0, STEPS, when=0)
    with pytest.raises(FederationError, match="would bring epsilon to inf"):
        ledger.spend(STUDY, 2, None, when=0)
    # What costs nothing is allowed still.
    ledger.spend(STUDY, 3, NoisySteps(2.0, 0.0, 5), when=0)


def test_a_training_that_is_repeated_counts_anew(state):
    ledger = state().ledger
    once = ledger.spend(STUDY, 0, STEPS, when=0)
    assert ledger.spend(STUDY, 0, STEPS, when=0) > once


def test_without_noise_there_is_no_finite_epsilon(state):
    ledger = state().ledger
    assert ledger.spend(STUDY, 0, None, when=0) == math.inf
    assert ledger.spend(STUDY, 1, STEPS, when=0) == math.inf


def test_rounds_a_day_whatever_the_clock_does(state):
    ledger = state(rounds_a_day=2).ledger
    now = 10 * DAY
    ledger.spend(STUDY, 0, None, when=now)
    ledger.spend(b"t" * 32, 0, None, when=now + 10)
    for when in (now + 20, now + DAY - 1, now - 5 * DAY):  # set back, it does not help
        with pytest.raises(FederationError, match="2 rounds in the last 24 hours"):
            ledger.spend(STUDY, 1, None, when=when)
    ledger.spend(STUDY, 1, None, when=now + DAY)


@pytest.mark.parametrize("name", [JOURNAL, LEDGER])
def test_a_file_that_is_gone_is_not_made_anew(folder, name):
    (folder / name).unlink()
    with pytest.raises(FederationError, match="is gone"):
        SiteState.open(folder, policy())
    with pytest.raises(FederationError, match="never made anew"):
        create_state(folder)


def test_journal_and_ledger_do_not_pass_for_one_another(state, folder):
    opened = state()
    opened.journal.of(STUDY, "masking").record(1, ONE)
    opened.ledger.spend(STUDY, 1, None, when=0)
    opened.close()
    journal, ledger = (folder / name for name in (JOURNAL, LEDGER))
    content = journal.read_bytes()
    journal.write_bytes(ledger.read_bytes())
    with pytest.raises(FederationError, match="record 1 is not what was written"):
        SiteState.open(folder, policy())
    journal.write_bytes(content)
    SiteState.open(folder, policy()).close()
