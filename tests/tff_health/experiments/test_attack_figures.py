"""Figures of attacks: every value drawn, infinity apart, the same for the same numbers."""

import math

import numpy as np
import pytest
from PIL import Image

from tff_health.experiments.privacy.attack_figures import (
    AttackedImage,
    FoundImage,
    Leak,
    membership,
    reconstructions,
)
from tff_health.reporting import figures


def leaks(epsilons):
    return [Leak(e, 0.5 + 0.01 * i, 0.01, 0.05 * i, 0.02) for i, e in enumerate(epsilons)]


@pytest.mark.parametrize(
    "epsilons", [[math.inf], [1.0], [math.inf, 0.5, 8.0], [0.01, 1.0, 1e4, math.inf]]
)
def test_every_epsilon_has_its_tick_and_infinity_the_last(tmp_path, epsilons):
    figure = membership({"threshold": leaks(epsilons), "trained": leaks(epsilons)}, 0.04)
    for axes in figure.axes:
        ticks = axes.get_xticks()
        assert len(ticks) == len(epsilons)
        assert (np.diff(ticks) > 0).all()
        left, right = axes.get_xlim()
        assert left < ticks[0] <= ticks[-1] < right
        names = [text.get_text() for text in axes.get_xticklabels()]
        assert ("∞" in names[-1]) == (math.inf in epsilons)
        assert axes.get_xlabel()
    with Image.open(figures.save(figure, tmp_path, "membership").with_suffix(".png")) as image:
        assert image.width > 900


def test_values_and_intervals_are_drawn_as_given():
    figure = membership({"threshold": [Leak(2.0, 0.6, 0.01, 0.2, 0.03)]}, 0.04)
    for axes, value, error in zip(figure.axes, (0.6, 0.2), (0.01, 0.03), strict=True):
        ((low, high),) = [
            bar.get_segments()[0][:, 1] for bar in axes.collections if len(bar.get_segments())
        ]
        assert (low, high) == pytest.approx((value - 1.96 * error, value + 1.96 * error))
        assert axes.get_ylim()[0] <= low
        assert axes.get_ylim()[1] >= high


def test_nothing_to_draw_is_refused():
    for attacks in ({}, {"threshold": []}, {"threshold": leaks([0.0])}):
        with pytest.raises(ValueError, match="epsilons"):
            membership(attacks, 0.04)
    with pytest.raises(ValueError, match="from 2 views"):
        reconstructions(["a", "b"], [attacked(1, 1)])
    with pytest.raises(ValueError, match="from 0 views"):
        reconstructions([], [])


def attacked(views, channels):
    draw = np.random.default_rng(0)
    pictures = draw.uniform(size=(views + 1, 28, 28, channels)).astype(np.float32)
    return AttackedImage(
        pictures[0], [FoundImage(picture, 12.34, 0.567) for picture in pictures[1:]]
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_a_grid_shows_originals_and_what_was_found(tmp_path, channels):
    views = ["plain update", "masked update", "ε = 1"]
    files = []
    for folder in ("a", "b"):
        figure = reconstructions(views, [attacked(3, channels), attacked(3, channels)])
        files.append(figures.save(figure, tmp_path / folder, "grid").read_bytes())
    assert files[0] == files[1]
    assert [axes.get_title() for axes in figure.axes[:4]] == ["original", *views]
    below = [axes.get_xlabel() for axes in figure.axes]
    assert below == 2 * ["", *["12.3 dB\nSSIM 0.57"] * 3]
    with Image.open(tmp_path / "a" / "grid.png") as image:
        assert np.asarray(image.convert("L")).std() > 5
