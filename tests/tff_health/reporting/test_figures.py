"""Figures and reports of extreme runs: drawn, readable, the same for the same numbers."""

import re

import numpy as np
import pytest
from PIL import Image

from tff_health.reporting import figures
from tff_health.reporting.progress import duration
from tff_health.reporting.report import Report, Section
from tff_health.reporting.tables import Table


@pytest.mark.parametrize("rounds", [[1], [1, 2, 3], list(range(5, 305, 5))])
def test_curves_of_any_length_even_with_missing_values(tmp_path, rounds):
    values = np.linspace(0.1, 0.9, len(rounds))
    values[0] = np.nan
    figure = figures.curves(rounds, {"test": values, "other": values}, {"test": values}, 0.67)
    path = figures.save(figure, tmp_path / "figures", "curves")
    assert path.read_text().count("<svg") == 1
    with Image.open(path.with_suffix(".png")) as image:
        assert image.width > 900
        assert np.asarray(image.convert("L")).std() > 5


def test_the_same_numbers_give_the_same_files(tmp_path):
    confusion = np.array([[5, 1], [0, 9]])
    files = []
    for folder in ("a", "b"):
        figure = figures.confusion_matrix(confusion, ("nv", "mel"))
        files.append(figures.save(figure, tmp_path / folder, "confusion").read_bytes())
    assert files[0] == files[1]


def test_a_class_that_does_not_occur_is_drawn_as_empty(tmp_path):
    figure = figures.confusion_matrix(np.array([[5, 1], [0, 0]]), ("nv", "mel"))
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["83 %\n5", "17 %\n1", "0 %\n0", "0 %\n0"]


@pytest.mark.parametrize("clients", [1, 10, 300])
def test_any_number_of_clients_is_drawn(tmp_path, clients):
    counts = np.random.default_rng(0).integers(0, 50, (clients, 7))
    figure = figures.class_counts(counts, tuple("abcdefg"))
    with Image.open(figures.save(figure, tmp_path, "clients").with_suffix(".png")) as image:
        assert image.height < 2000


def test_what_comes_from_outside_is_escaped_in_a_report(tmp_path):
    evil = "<script>alert(1)</script>"
    table = Table("t", evil, ("name",), [(evil,)])
    sections = [Section(evil, [evil], tables=[table], listing=evil, folded=True)]
    Report(evil, evil, [(evil, evil)], [evil], sections).save(tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text()
    assert "<script" not in html
    assert len(re.findall("&lt;script&gt;", html)) >= 8


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (3599.6, "1 h 0 min"),
        (7860, "2 h 11 min"),
    ],
)
def test_durations_as_people_say_them(seconds, words):
    assert duration(seconds) == words
