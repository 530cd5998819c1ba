"""The loop over rounds: what is left of a run that ended in the middle, and of damaged files."""

from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

from tff_health.errors import RunError
from tff_health.training.loop import RoundLoop, Trained, metrics_columns
from tff_health.training.metrics_log import MetricsLog

ROUNDS = 5
PROGRESS = nullcontext(SimpleNamespace(update=lambda *_: None))
EVALUATION = SimpleNamespace(
    **{"loss": 0.5, "accuracy": 1 / 3, "balanced_accuracy": 0.25, "macro_f1": 0.2, "auc": 0.6},
    recall=np.array([0.1, 0.4]),
)


def loop(folder):
    config = SimpleNamespace(
        run=SimpleNamespace(scheme="fedavg"),
        data_name="digits",
        training=SimpleNamespace(rounds=ROUNDS, eval_every=2),
    )
    log = MetricsLog(folder / "metrics.csv", metrics_columns(("a", "b")))
    ledger = MetricsLog(folder / "privacy.csv", ("round", "spent"))
    rounds = RoundLoop(
        *(config, ("a", "b"), log, [ledger], folder / "work" / "checkpoints"), lambda *_: PROGRESS
    )
    return rounds, ledger


def run(folder, until=ROUNDS):
    """Runs rounds; the one after `until` is interrupted."""
    rounds, ledger = loop(folder)

    def train(state, number):
        if number > until:
            raise KeyboardInterrupt
        ledger.add([{"round": number, "spent": 0.1 * number}])
        return Trained(state + number, {"survivors": 3, "train_loss": 1 / number})

    return rounds.run(np.int64(0), train, lambda state: (EVALUATION, {}))[0]


def texts(folder):
    """The files of rounds, but for times."""
    found = {}
    for name in ("metrics.csv", "privacy.csv"):
        names, *lines = [line.split(",") for line in (folder / name).read_text().splitlines()]
        kept = [i for i, column in enumerate(names) if not column.startswith("seconds")]
        found[name] = [[line[i] for i in kept] for line in lines]
    return found


def spoil(path, how):
    whole = path.read_bytes()
    path.unlink()
    if how != "missing":
        ways = {
            "cut": whole[:-20],
            "empty": b"",
            "garbled": b"\xff\x00",
            "edited": whole[:-1] + b"7",
        }
        path.write_bytes(ways[how])


@pytest.mark.parametrize("name", ["metrics.csv", "privacy.csv"])
@pytest.mark.parametrize("how", ["missing", "cut", "empty", "garbled", "edited"])
def test_files_of_rounds_are_repaired_from_the_state(tmp_path, name, how):
    assert run(tmp_path / "whole") == 15
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", until=3)
    assert len(texts(tmp_path / "killed")[name]) == 3
    spoil(tmp_path / "killed" / name, how)
    assert run(tmp_path / "killed") == 15
    assert texts(tmp_path / "killed") == texts(tmp_path / "whole")


def test_a_kill_between_state_and_files_loses_nothing(tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt), monkeypatch.context() as patch:
        written = MetricsLog.write

        def write(log):
            if len(log.rows) > 1:
                raise KeyboardInterrupt
            written(log)

        patch.setattr(MetricsLog, "write", write)
        run(tmp_path / "killed")
    assert len(texts(tmp_path / "killed")["metrics.csv"]) == 1
    assert run(tmp_path / "killed") == run(tmp_path / "whole") == 15
    assert texts(tmp_path / "killed") == texts(tmp_path / "whole")


@pytest.mark.parametrize("name", ["metrics.csv", "privacy.csv"])
def test_rounds_whose_state_is_gone_are_not_trained_again_in_silence(tmp_path, name):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, until=3)
    for path in (tmp_path / "work" / "checkpoints").iterdir():
        path.unlink()
    (tmp_path / {"metrics.csv": "privacy.csv", "privacy.csv": "metrics.csv"}[name]).unlink()
    before = (tmp_path / name).read_bytes()
    with pytest.raises(RunError, match=rf"{name} tells of rounds, but no state"):
        run(tmp_path)
    assert (tmp_path / name).read_bytes() == before


def test_a_folder_in_place_of_a_file_is_found_before_training(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, until=1)
    (tmp_path / "metrics.csv").unlink()
    (tmp_path / "metrics.csv").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        loop(tmp_path)


def lose(folder, lost):
    """Runs rounds, of which those numbered in `lost` are lost."""
    rounds, _ = loop(folder)

    def train(state, number):
        return Trained(state + 1, {"survivors": 3, "lost": int(number in lost)})

    try:
        return rounds.run(np.int64(0), train, lambda state: (EVALUATION, {}))
    finally:
        lose.done = len(rounds.rows)


@pytest.fixture
def long(monkeypatch):
    monkeypatch.setitem(globals(), "ROUNDS", 12)


@pytest.mark.usefixtures("long")
def test_five_lost_rounds_in_a_row_end_training(tmp_path):
    lost = {1, 2, 4, 5, 6, 7, 8}
    with pytest.raises(RunError, match="5 rounds in a row were lost, up to round 8, and the model"):
        lose(tmp_path, lost)
    assert lose.done == 8
    assert len(texts(tmp_path)["metrics.csv"]) == 8
    lose(tmp_path, lost)  # the next one is not lost
    assert lose.done == 12


@pytest.mark.usefixtures("long")
def test_the_same_command_does_not_lose_five_more(tmp_path):
    lost = set(range(4, 13))
    for done in (8, 9):
        with pytest.raises(RunError, match="the model after round 3 stands; the state is kept"):
            lose(tmp_path, lost)
        assert lose.done == done


@pytest.mark.usefixtures("long")
def test_what_was_trained_before_the_last_rounds_were_lost_counts(tmp_path):
    lose(tmp_path, {1, 2, 3, 9, 10, 11, 12})
    assert lose.done == 12


def test_a_run_that_lost_all_of_its_rounds_has_not_ended_well(tmp_path):
    for _ in range(2):  # and the same command says so again
        with pytest.raises(RunError, match=r"5 rounds in a row.*the model after round 0 stands"):
            lose(tmp_path, {1, 2, 3, 4, 5})
    assert lose.done == 5
