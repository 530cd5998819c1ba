"""Drawings of seven kinds of lesion, many images at a time.

A class is told by its structure alone: the drawings say how much pigment and how much highlight
there is at each point, while colours, places and sizes are drawn alike for all classes.

Only additions, multiplications, divisions, square roots and comparisons are used on floats. IEEE
754 fixes their results to the last bit, so every processor draws the same images, which exp, sin
and matrix products do not promise.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def uniform(random: np.random.Generator, shape: tuple[int, ...], low: float, high: float) -> Array:
    """Uniform numbers in [low, high)."""
    return np.float32(low) + np.float32(high - low) * random.random(shape, dtype=np.float32)


def direction(x: Array, y: Array) -> tuple[Array, Array]:
    """Cosine and sine of the angle of each point (x, y)."""
    length: Array = np.sqrt(x * x + y * y) + np.float32(1e-6)
    return x / length, y / length


@dataclass(frozen=True, eq=False)
class Views:
    """Views of lesions of one class, in the lesions' own frames.

    Attributes:
        x, y: float32 (views, height, width), each pixel's place: the lesion's centre is the origin
            and its border is about 1 away.
        lesion: (views,) index of the lesion seen, below `num_lesions`.
        num_lesions: number of lesions of this class.
        random: source of the lesions' parameters.
    """

    x: Array
    y: Array
    lesion: NDArray[np.intp]
    num_lesions: int
    random: np.random.Generator

    def uniform(self, low: float, high: float) -> Array:
        """A parameter of the lesion, uniform in [low, high): float32 (views, 1, 1)."""
        return uniform(self.random, (self.num_lesions, 1, 1), low, high)[self.lesion]

    def direction(self) -> tuple[Array, Array]:
        """A random unit vector of the lesion, (cosine, sine): float32 (views, 1, 1) each."""
        return direction(self.uniform(-1, 1), self.uniform(-1, 1))


@dataclass(frozen=True, eq=False)
class Drawing:
    """What a lesion adds to the skin; float32 (views, height, width) each.

    Attributes:
        pigment: 0 is bare skin, 1 the lesion's full colour.
        highlight: 0 leaves the pixel, 1 makes it as bright as a reflex of the lamp.
    """

    pigment: Array
    highlight: Array


def unit(values: Array) -> Array:
    """Returns the values clipped to [0, 1]."""
    return np.clip(values, np.float32(0), np.float32(1))


def distance(views: Views, x: Array | float = 0, y: Array | float = 0) -> Array:
    """Distance of each pixel from a point of the lesion's frame."""
    dx, dy = views.x - x, views.y - y
    return np.sqrt(dx * dx + dy * dy)


def filled(depth: Array, softness: Array | float) -> Array:
    """1 where `depth`, the distance inside an edge, is positive, else 0; `softness` wide."""
    return unit(depth / np.float32(softness) + np.float32(0.5))


def outline(views: Views, roughness: float) -> Array:
    """How far each pixel is inside a closed curve with random waves as high as `roughness`."""
    radius = distance(views)
    cosine, sine = direction(views.x, views.y)
    wave_cosine, wave_sine = cosine, sine
    border: Array = np.ones_like(radius)
    for order in range(2, 6):
        # The angle's multiples by the addition theorems: cosines of their own would not be exact.
        wave_cosine, wave_sine = (
            wave_cosine * cosine - wave_sine * sine,
            wave_sine * cosine + wave_cosine * sine,
        )
        height = roughness * 2 / order
        border += views.uniform(-height, height) * wave_cosine
        border += views.uniform(-height, height) * wave_sine
    return border - radius


def spot(views: Views, x: Array, y: Array, radius: Array) -> Array:
    """A soft round spot at a point of the lesion's frame."""
    return filled(radius - distance(views, x, y), 0.12)


def spots(views: Views, number: int, spread: float, smallest: float, largest: float) -> Array:
    """Soft round spots within `spread` of the centre: `number` of them, or down to half."""
    result: Array = np.zeros_like(views.x)
    for index in range(number):
        cosine, sine = views.direction()
        away = np.sqrt(views.uniform(0, 1)) * np.float32(spread)
        radius = views.uniform(smallest, largest)
        shown = views.uniform(0, 1) < (1 if 2 * index < number else 0.5)
        result = np.maximum(result, spot(views, away * cosine, away * sine, radius) * shown)
    return result


def line(views: Views, start: tuple[Array, Array], end: tuple[Array, Array], width: float) -> Array:
    """A straight line of the given width from `start` to `end`, points of the lesion's frame."""
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    from_x, from_y = views.x - start[0], views.y - start[1]
    length_squared = along_x * along_x + along_y * along_y + np.float32(1e-6)
    share = unit((from_x * along_x + from_y * along_y) / length_squared)
    dx, dy = from_x - share * along_x, from_y - share * along_y
    return filled(np.float32(width / 2) - np.sqrt(dx * dx + dy * dy), 0.12)


def nothing(views: Views) -> Array:
    """No highlight anywhere."""
    return np.zeros_like(views.x)


def draw_akiec(views: Views) -> Drawing:
    """Actinic keratosis: a rough patch of scales, some pigmented, some not, without a border."""
    cells = 14
    scales = views.random.random((views.num_lesions, cells, cells), dtype=np.float32)
    # The patch's square [-1.4, 1.4) is cut into cells; what lies outside repeats the last one.
    column = np.clip(((views.x + 1.4) * (cells / 2.8)).astype(np.intp), 0, cells - 1)
    row = np.clip(((views.y + 1.4) * (cells / 2.8)).astype(np.intp), 0, cells - 1)
    scale = scales[views.lesion[:, None, None], row, column]
    patch = filled(outline(views, 0.15), 0.7)
    return Drawing(patch * unit(scale * 2 - np.float32(0.4)), nothing(views))


def draw_bcc(views: Views) -> Drawing:
    """Basal cell carcinoma: a blob with bright vessels that run from two forks to its border."""
    vessels = nothing(views)
    for _ in range(2):
        fork = views.uniform(-0.35, 0.35), views.uniform(-0.35, 0.35)
        for _ in range(2):
            vessels = np.maximum(vessels, line(views, fork, views.direction(), 0.17))
    return Drawing(filled(outline(views, 0.08), 0.3), vessels)


def draw_bkl(views: Views) -> Drawing:
    """Benign keratosis: a disc with a sharp edge and many bright round cysts."""
    disc = filled(outline(views, 0.05), 0.1)
    return Drawing(disc, spots(views, 12, 0.8, 0.1, 0.15))


def draw_df(views: Views) -> Drawing:
    """Dermatofibroma: a ring of pigment around a pale centre."""
    x, y = views.uniform(-0.15, 0.15), views.uniform(-0.15, 0.15)
    centre = filled(views.uniform(0.4, 0.65) - distance(views, x, y), 0.25)
    ring = filled(outline(views, 0.06), 0.3) * (1 - np.float32(0.85) * centre)
    return Drawing(ring, nothing(views))


def draw_mel(views: Views) -> Drawing:
    """Melanoma: an irregular outline and two tones that meet along a line off the centre."""
    cosine, sine = views.direction()
    side = filled(views.x * cosine + views.y * sine - views.uniform(-0.3, 0.3), 0.2)
    tone = np.float32(0.45) + np.float32(0.75) * side
    return Drawing(filled(outline(views, 0.22), 0.15) * tone, nothing(views))


def draw_nv(views: Views) -> Drawing:
    """Naevus: a smooth, round, symmetric blob."""
    blob = filled(outline(views, 0.05), views.uniform(0.2, 0.5))
    tone = np.float32(1.1) - np.float32(0.3) * unit(distance(views))
    return Drawing(blob * tone, nothing(views))


def draw_vasc(views: Views) -> Drawing:
    """Vascular lesion: a cluster of small round lagoons with skin between them."""
    lagoons = nothing(views)
    for column, row in itertools.product((-0.72, 0, 0.72), repeat=2):
        x, y = column + views.uniform(-0.12, 0.12), row + views.uniform(-0.12, 0.12)
        shown = views.uniform(0, 1) < 0.6
        lagoons = np.maximum(lagoons, spot(views, x, y, views.uniform(0.18, 0.27)) * shown)
    return Drawing(lagoons, nothing(views))


DRAWERS: dict[str, Callable[[Views], Drawing]] = {
    "akiec": draw_akiec,
    "bcc": draw_bcc,
    "bkl": draw_bkl,
    "df": draw_df,
    "mel": draw_mel,
    "nv": draw_nv,
    "vasc": draw_vasc,
}


def draw(class_name: str, views: Views, faintest: float) -> Drawing:
    """Draws a class; each lesion shows its signs with a strength between `faintest` and 1.

    What a faint lesion lacks of its own class it has of a naevus, as in the clinic.
    """
    own, plain = DRAWERS[class_name](views), draw_nv(views)
    strength = views.uniform(faintest, 1)
    pigment = plain.pigment + strength * (own.pigment - plain.pigment)
    return Drawing(pigment, strength * own.highlight)
