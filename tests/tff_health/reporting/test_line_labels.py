"""Where labels of lines stand."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from tff_health.reporting.line_labels import LineEnd, label_ends, spread_out

GAP = 0.1
wanted_places = st.lists(st.floats(0, 1), max_size=8)


@given(wanted_places)
def test_labels_stand_apart_inside_and_in_order(wanted):
    places = spread_out(wanted, GAP)
    in_order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    ranked = [places[index] for index in in_order]
    assert all(b - a >= GAP - 1e-9 for a, b in itertools.pairwise(ranked))
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in places)


@given(wanted_places)
def test_labels_that_are_apart_stay_where_they_are(wanted):
    ranked = sorted(wanted)
    if all(b - a >= GAP for a, b in itertools.pairwise(ranked)):
        assert spread_out(wanted, GAP) == pytest.approx(wanted, abs=1e-9)


def test_labels_give_way_to_each_other_evenly():
    assert spread_out([0.5, 0.5], GAP) == pytest.approx([0.45, 0.55])
    assert spread_out([0.52, 0.5, 0.9], GAP) == pytest.approx([0.56, 0.46, 0.9])
    assert spread_out([1.0, 1.0], GAP) == pytest.approx([0.9, 1.0])
    assert spread_out([0.0, 0.0], GAP) == pytest.approx([0.0, 0.1])


def test_every_line_with_an_end_has_its_name():
    axes = Figure().subplots()
    axes.plot([1, 2], [0, 10])
    label_ends(axes, [LineEnd("a", 2, 10, "#000000"), LineEnd("b", 2, float("nan"), "#000000")])
    (label,) = axes.texts
    assert label.get_text() == "a"
    assert label.xyann[1] == pytest.approx(10.5 / 11, abs=1e-6)  # the axes have a margin
