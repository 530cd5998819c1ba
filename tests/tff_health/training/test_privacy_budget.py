"""What clients spend of their privacy in rounds that are tried again, or lost, in one process."""

import csv
import math
from types import SimpleNamespace

import pytest

from crypto.session.costs import Costs
from tff_health import flags
from tff_health.privacy.accounting import Accountant
from tff_health.privacy.mechanism import Mechanism, NoisySteps
from tff_health.secure_aggregation.round_record import RoundAbortedError, RoundRecord
from tff_health.training import round_runner, scheme_training
from tff_health.training.privacy_budget import Spending
from tff_health.training.round_runner import RoundRunner

STEPS, UNITS, MULTIPLIER, DELTA = 3, 200, 1.0, 1e-5
PRIVACY = Mechanism("local", "fast", "record", 1.0, MULTIPLIER, 20, STEPS)
DONE, ABORTED, LOST = "done", "aborted", "lost"


class Context:
    """Ends the attempts of a run as it is told, and keeps who began them."""

    stages = ("share keys", "masked input", "unmasking")
    set_up_stages = ()

    def __init__(self, *ends):
        self.ends = list(ends)
        self.began = []
        self.last_round = None

    def plan_round(self, clients, dropouts, repeats=False, states=None):
        self.began.append((tuple(clients), self.ends[0]))

    def next(self, state, keys):
        end, (cohort, _) = self.ends.pop(0), self.began[-1]
        left = cohort if end == DONE else ()
        record = RoundRecord(1, cohort, left, Costs(), (), 0.0, 0.0, 0.0)
        if end != DONE:
            raise RoundAbortedError("too few", record, may_be_opened=end == LOST)
        self.last_round = record
        metrics = {"client_work": {}, "aggregator": {}}
        return SimpleNamespace(state=state + 1, metrics=metrics)


@pytest.fixture
def train(monkeypatch, tmp_path):
    """Trains on a context until the budget ends, or what the context is told."""
    monkeypatch.setattr(round_runner, "check_round", lambda *_: None)
    monkeypatch.setattr(RoundRunner, "_keys", lambda *_: [])
    traffic = SimpleNamespace(update=0, model=0)
    monkeypatch.setattr(scheme_training, "Traffic", SimpleNamespace(of=lambda _: traffic))
    config = flags.parse(["run", "--scheme=bonawitz", "--clients_per_round=4"], {}).config

    def run(context, budget=math.inf, rounds_planned=10):
        chosen = SimpleNamespace(accountant="rdp", delta=DELTA, epsilon=budget)
        private = SimpleNamespace(privacy=chosen)
        federated = SimpleNamespace(clients=[SimpleNamespace(num_units=UNITS)] * 10)
        spending = Spending(private, PRIVACY, federated, tmp_path / "privacy.csv")
        trained = []
        monkeypatch.setattr(scheme_training, "weights_of", lambda state: state)

        def loop(state, train, evaluate, may_go_on, still_used):
            for number in range(1, rounds_planned + 1):
                if not context.ends or not may_go_on():
                    break
                trained.append(train(state, number))
                state = trained[-1].state
            return state, None

        training = SimpleNamespace(
            initialize=lambda: 0,
            set_model_weights=lambda state, _: state,
            next=context.next,
        )
        scheme_training.train_rounds(
            SimpleNamespace(training=training, memory=None),
            SimpleNamespace(
                initial_weights=None, client_optimizer=SimpleNamespace(decay_rounds=None)
            ),
            config,
            None,
            SimpleNamespace(done=0, rows=[], run=loop),
            context,
            spending,
        )
        return spending, trained

    return run


def epsilon_after(steps):
    released = NoisySteps(MULTIPLIER, PRIVACY.lot_size / UNITS, steps)
    return Accountant("rdp", DELTA).epsilon(released)


def steps(spending):
    return [entry.steps for entry in spending.entries]


def test_clients_that_trained_in_a_lost_round_have_spent(train):
    context = Context(DONE, LOST, DONE)
    spending, trained = train(context)
    counts = [sum(client in cohort for cohort, _ in context.began) for client in range(10)]
    assert max(counts) > 1
    assert min(counts) == 0  # who was not asked has spent nothing
    assert steps(spending) == [STEPS * count for count in counts]
    assert [entry.epsilon for entry in spending.entries] == [
        epsilon_after(STEPS * count) for count in counts
    ]
    lost = trained[1]
    assert (lost.state, trained[2].state) == (trained[0].state, trained[0].state + 1)
    assert lost.row["lost"] == 1
    assert "lost" in lost.note
    assert lost.row["epsilon"] == max(
        epsilon_after(STEPS * sum(client in cohort for cohort, _ in context.began[:2]))
        for client in range(10)
    )


def test_who_trained_in_any_attempt_of_a_lost_round_has_spent_once(train):
    context = Context(ABORTED, ABORTED, LOST)
    spending, (lost,) = train(context)
    cohorts = [set(cohort) for cohort, _ in context.began]
    assert len(cohorts) == 3
    assert set.intersection(*cohorts) != set.union(*cohorts)
    assert lost.row["aborted_attempts"] == 2
    trained = set.union(*cohorts)
    assert steps(spending) == [STEPS if client in trained else 0 for client in range(10)]


def test_privacy_csv_has_the_lost_rounds(train, tmp_path):
    spending, _ = train(Context(LOST, LOST))
    spending.log.write()
    with (tmp_path / "privacy.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    assert {row["round"] for row in written} == {"1", "2"}
    last = [int(row["steps"]) for row in written if row["round"] == "2"]
    assert last == steps(spending)
    assert sum(last) == STEPS * 4 * 2


def test_lost_rounds_use_the_budget_up(train):
    # Four of ten clients a round: the first that is asked a third time may not train any more.
    context = Context(*[LOST] * 10)
    spending, trained = train(context, budget=epsilon_after(2 * STEPS))
    assert 2 <= len(trained) < 10
    assert max(steps(spending)) == 2 * STEPS
    assert not spending.allows_another_round
    assert max(entry.epsilon for entry in spending.entries) <= epsilon_after(2 * STEPS)
