"""One line for several runs."""

from tff_health.studies import study_progress
from tff_health.studies.study_progress import StudyProgress


def lines_of(capsys, monkeypatch, work):
    now = [0.0]
    monkeypatch.setattr(study_progress.time, "monotonic", lambda: now[0])
    with StudyProgress("schemes", {"a": 30.0, "b": 60.0, "c": 10.0}) as progress:
        work(progress, now)
    return capsys.readouterr().err.splitlines()


def test_time_left_follows_from_what_was_done(capsys, monkeypatch):
    def work(progress, now):
        progress.skip("a")
        with progress.part("b")("", 10, 0) as rounds:
            now[0] = 24.0
            rounds.update(2, "test accuracy 0.700")  # 12 of 70 s that were expected
        progress.finish("b")
        now[0] = 140.0
        progress.finish("c")

    lines = lines_of(capsys, monkeypatch, work)
    assert lines == [
        "schemes: 42 %, 1 min 56 s left, b: round 2 of 10, test accuracy 0.700",
        "schemes: 100 %, 0 s left, c finished",
    ]


def test_rounds_of_an_earlier_process_do_not_make_this_one_fast(capsys, monkeypatch):
    def work(progress, now):
        with progress.part("b")("", 10, 5) as rounds:
            now[0] = 12.0
            rounds.update(6)  # one round, of 6 s that were expected

    lines = lines_of(capsys, monkeypatch, work)
    assert lines == ["schemes: 36 %, 2 min 8 s left, b: round 6 of 10"]


def test_lines_are_ten_seconds_apart(capsys, monkeypatch):
    def work(progress, now):
        with progress.part("a")("", 30, 0) as rounds:
            for number in range(1, 31):
                now[0] = float(number)
                rounds.update(number)

    assert len(lines_of(capsys, monkeypatch, work)) == 3
