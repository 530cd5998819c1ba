"""Writes the status page: HTML without scripts, that loads nothing else."""

import time
from pathlib import Path
from typing import Final

import jinja2

from tff_health.federation.status.snapshot import CONNECTED, RoundStatus, ServerStatus

REFRESH: Final = 5
"""Seconds after which a browser asks again."""
_SHOWN: Final = 50
_WIDTH, _HEIGHT, _EDGE = 640, 150, 6


def render(status: ServerStatus) -> str:
    """Returns the page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"bytes": show_bytes, "span": show_span, "time": show_time}
    done = [r for r in status.rounds if not r.outcome]
    return environment.get_template("status.html.jinja").render(
        status=status,
        refresh=REFRESH,
        connected=sum(site.state == CONNECTED for site in status.sites),
        accuracy=next((r.accuracy for r in reversed(done) if r.accuracy is not None), None),
        epsilon=next((r.epsilon for r in reversed(done) if r.epsilon is not None), None),
        left=_time_left(status, done),
        rounds=status.rounds[: -_SHOWN - 1 : -1],
        hidden=max(0, len(status.rounds) - _SHOWN),
        curve=_curve(done),
        size=(_WIDTH, _HEIGHT),
    )


def show_bytes(count: int) -> str:
    """Returns a number of bytes for people."""
    size, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"


def show_span(seconds: float) -> str:
    """Returns a length of time for people."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min"
    return f"{whole // 3600} h" if whole < 172_800 else f"{whole // 86_400} days"


def show_time(when: float) -> str:
    """Returns a time for people, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(when))


def _time_left(status: ServerStatus, done: list[RoundStatus]) -> float | None:
    """By the median of the last rounds that gave a sum; None if there is none, or none is left."""
    left = status.rounds_in_all - status.round_number + 1
    if not done or left <= 0:
        return None
    last = sorted(one.seconds for one in done[-5:])
    return left * last[len(last) // 2]


def _curve(done: list[RoundStatus]) -> str:
    """The accuracies as points of a polyline; "" if there are fewer than two."""
    known = [(one.number, one.accuracy) for one in done if one.accuracy is not None]
    if len(known) < 2:
        return ""
    first, last = known[0][0], known[-1][0]
    points = []
    for number, accuracy in known:
        x = _EDGE + (_WIDTH - 2 * _EDGE) * (number - first) / max(1, last - first)
        y = _EDGE + (_HEIGHT - 2 * _EDGE) * (1 - accuracy)
        points.append(f"{x:.1f},{y:.1f}")
    return " ".join(points)
