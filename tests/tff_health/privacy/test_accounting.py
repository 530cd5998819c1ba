"""Epsilon against computations that share nothing with the accountant, and the classic mistakes."""

import math

import dp_accounting
import numpy as np
import pytest
from scipy import optimize, stats

from tff_health.privacy.accounting import Accountant
from tff_health.privacy.ledger import Entry, PrivacyLedger
from tff_health.privacy.mechanism import Mechanism, NoisySteps

DELTA = 1e-5


def analytic_epsilon(multiplier, steps, delta):
    """Of the Gaussian mechanism (Balle and Wang 2018, theorem 8); steps add up like one."""
    sigma = multiplier / math.sqrt(steps)

    def excess(epsilon):
        first = stats.norm.cdf(0.5 / sigma - epsilon * sigma)
        second = math.exp(epsilon) * stats.norm.cdf(-0.5 / sigma - epsilon * sigma)
        return first - second - delta

    return optimize.brentq(excess, 0, 500)


@pytest.mark.parametrize(("multiplier", "steps"), [(1.0, 1), (5.0, 10), (20.0, 200)])
def test_without_sampling_epsilon_is_the_analytic_one(multiplier, steps):
    found = Accountant("pld", DELTA).epsilon(NoisySteps(multiplier, 1.0, steps))
    assert found == pytest.approx(analytic_epsilon(multiplier, steps, DELTA), rel=0.02)


def simulated_epsilon(multiplier, rate, steps, delta, draws=400_000):
    """By drawing privacy losses: delta is the mean of max(0, 1 - exp(epsilon - loss))."""
    rng = np.random.default_rng(0)
    found = []
    for present in (True, False):  # the unit is in the data, or is not; the larger epsilon counts
        total = np.zeros(draws)
        for _ in range(steps):
            shift = (rng.random(draws) < rate) if present else 0.0
            x = rng.normal(0, multiplier, draws) + shift
            ratio = np.log1p(rate * (np.exp((2 * x - 1) / (2 * multiplier**2)) - 1))
            total += ratio if present else -ratio

        def excess(epsilon, total=total):
            return np.maximum(0, 1 - np.exp(epsilon - total)).mean() - delta

        found.append(optimize.brentq(excess, 0, 100))
    return max(found)


@pytest.mark.parametrize(("multiplier", "rate", "steps"), [(1.0, 0.05, 40), (2.0, 0.2, 20)])
def test_with_sampling_epsilon_is_the_simulated_one(multiplier, rate, steps):
    delta = 1e-2  # large, so that few draws tell much
    found = Accountant("pld", delta).epsilon(NoisySteps(multiplier, rate, steps))
    assert found == pytest.approx(simulated_epsilon(multiplier, rate, steps, delta), rel=0.02)


def test_the_two_accountants_bound_the_same():
    tight = Accountant("pld", DELTA).epsilon(NoisySteps(1.5, 0.05, 200))
    loose = Accountant("rdp", DELTA).epsilon(NoisySteps(1.5, 0.05, 200))
    assert tight < loose < 1.15 * tight


@pytest.mark.parametrize("name", ["pld", "rdp"])
@pytest.mark.parametrize("epsilon", [0.1, 1.0, 8.0])
def test_calibrated_noise_is_enough_and_hardly_more(name, epsilon):
    accountant = Accountant(name, DELTA)
    multiplier = accountant.noise_multiplier(epsilon, NoisySteps(0.0, 0.05, 100))
    assert accountant.epsilon(NoisySteps(multiplier, 0.05, 100)) <= epsilon
    assert accountant.epsilon(NoisySteps(0.99 * multiplier, 0.05, 100)) > epsilon


def test_limits():
    accountant = Accountant("pld", DELTA)
    assert accountant.epsilon(NoisySteps(1.0, 0.1, 0)) == 0
    assert accountant.epsilon(NoisySteps(1.0, 0.0, 10)) == 0
    assert accountant.epsilon(NoisySteps(0.0, 0.1, 1)) == math.inf
    assert accountant.noise_multiplier(math.inf, NoisySteps(0.0, 0.1, 10)) == 0


@pytest.mark.parametrize("arguments", [(-1.0, 0.1, 1), (1.0, 1.1, 1), (1.0, 0.1, -1)])
def test_values_out_of_range_are_refused(arguments):
    with pytest.raises(ValueError, match="must be"):
        NoisySteps(*arguments)


def test_unknown_accountants_and_deltas_are_refused():
    with pytest.raises(ValueError, match="pld and rdp"):
        Accountant("guess", DELTA)
    with pytest.raises(ValueError, match="delta"):
        Accountant("pld", 0.0)


def mechanism(noise="local", multiplier=1.0, lot_size=100):
    return Mechanism(noise, "fast", "record", 1.0, multiplier, lot_size, 5)


def test_the_rate_is_of_a_clients_own_data_and_not_of_all_clients():
    assert mechanism().sampling_rate(1000) == 0.1
    assert mechanism().sampling_rate(50) == 1.0
    # Three clients with 1,000 records each: to divide by 3,000 would promise too much.
    own = Accountant("rdp", DELTA).epsilon(mechanism().after(20, 1000))
    wrong = Accountant("rdp", DELTA).epsilon(mechanism().after(20, 3000))
    assert own > 2 * wrong


def test_noise_at_the_server_gains_nothing_from_sampling():
    assert mechanism("client").sampling_rate(1000) == 1.0
    assert mechanism("client").sampling != mechanism().sampling == "Poisson"


def test_the_event_is_the_mechanisms():
    released = mechanism(multiplier=2.0).after(rounds=3, units=1000)
    assert released == NoisySteps(2.0, 0.1, 15)
    sampled = dp_accounting.PoissonSampledDpEvent(0.1, dp_accounting.GaussianDpEvent(2.0))
    assert released.event() == dp_accounting.SelfComposedDpEvent(sampled, 15)
    whole = mechanism("client", 2.0).after(3, 1000).event()
    assert whole == dp_accounting.SelfComposedDpEvent(dp_accounting.GaussianDpEvent(2.0), 15)


def ledger():
    return PrivacyLedger(Accountant("rdp", DELTA), mechanism(multiplier=2.0), [10_000, 1000, 1000])


def test_every_client_pays_for_its_own_steps_at_its_own_rate():
    book = ledger()
    book.spend([0, 1])
    book.spend([1, 2])
    accountant = Accountant("rdp", DELTA)
    assert [entry.steps for entry in book.entries] == [5, 10, 5]
    assert [entry.epsilon for entry in book.entries] == [
        accountant.epsilon(NoisySteps(2.0, 0.01, 5)),
        accountant.epsilon(NoisySteps(2.0, 0.1, 10)),
        accountant.epsilon(NoisySteps(2.0, 0.1, 5)),
    ]
    # Not the sum: they hold others' data.
    assert book.epsilon == accountant.epsilon(NoisySteps(2.0, 0.1, 10))


def test_a_round_that_could_exceed_the_budget_of_one_is_not_allowed():
    book = ledger()
    budget = Accountant("rdp", DELTA).epsilon(NoisySteps(2.0, 0.1, 10))
    assert book.allows_another_round(budget)
    book.spend([1])
    assert book.allows_another_round(budget)
    book.spend([1])
    assert not book.allows_another_round(budget)


def test_a_ledger_goes_on_from_what_was_written_down():
    book = ledger()
    book.spend([0, 2])
    again = ledger()
    again.restore(book.entries)
    assert again.entries == book.entries
    assert isinstance(again.entries[0], Entry)
