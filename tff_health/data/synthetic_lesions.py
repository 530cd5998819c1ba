"""`synthetic_lesions`: drawn skin lesions in HAM10000's proportions, for runs without any file.

The set is a constant: the same bytes on every machine. It has what makes HAM10000 hard to learn
from in a federation: rare classes, several images of one lesion, and institutions that differ in
colours and in the mix of classes. It says nothing about real skin.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tff_health.data.images import LabelledImages
from tff_health.data.lesion_shapes import Array, Drawing, Views, direction, draw, uniform, unit
from tff_health.data.skin_lesions import CLASS_COUNTS, CLASS_NAMES

SIDE = 28
IMAGES_PER_LESION = 10_015 / 7_470
# How faint the signs of a lesion's class may be, and the amplitude of each part of the noise.
# Chosen so that a small network learns the classes, not perfectly, and a linear model does not.
FAINTEST = 0.7
NOISE = 0.035

SITES = ("north", "south", "east", "west")
# Share of each class that a site contributes: a row per class, a column per site.
SITE_SHARES = np.array(
    [
        [0.70, 0.15, 0.10, 0.05],
        [0.50, 0.35, 0.10, 0.05],
        [0.40, 0.40, 0.15, 0.05],
        [0.25, 0.40, 0.25, 0.10],
        [0.30, 0.50, 0.10, 0.10],
        [0.15, 0.30, 0.45, 0.10],
        [0.10, 0.45, 0.35, 0.10],
    ]
)
# Factors on red, green and blue: how a site's camera and lamp colour all its images.
SITE_CASTS = np.array(
    [[1.00, 1.00, 1.00], [1.04, 0.99, 0.94], [0.95, 1.00, 1.05], [1.02, 0.94, 1.00]], np.float32
)


@dataclass(frozen=True, eq=False)
class _Plan:
    """Which lesions there are, and which of them each image shows."""

    lesion_class: NDArray[np.uint8]
    lesion_site: NDArray[np.intp]
    image_lesion: NDArray[np.intp]


def read(count: int = 4_000, seed: int = 10_015) -> LabelledImages:
    """Draws the data set; the defaults are the data set's definition.

    Args:
        count: number of images, at least 100, so that no class is absent.
        seed: of all that is random.

    Returns:
        `count` images of 28x28x3 with groups and sites, in random order.
    """
    if count < 100:
        raise ValueError(f"{count} images asked for, but at least 100 are needed for seven classes")
    random = np.random.Generator(np.random.PCG64(seed))
    plan = _plan(count, random)
    return LabelledImages(
        name="synthetic_lesions",
        form=f"drawn from seed {seed}",
        pixels=_photograph(plan, _draw_all(plan, random), random),
        labels=plan.lesion_class[plan.image_lesion],
        class_names=CLASS_NAMES,
        groups=np.array([f"SYN_{lesion:07}" for lesion in plan.image_lesion]),
        sites=np.array(SITES)[plan.lesion_site[plan.image_lesion]],
    )


def _plan(count: int, random: np.random.Generator) -> _Plan:
    classes, images = [], []
    first = 0
    for label, number in enumerate(_class_sizes(count)):
        lesions = max(1, round(number / IMAGES_PER_LESION))
        # Every lesion is seen once; the images that are left fall on any of them.
        again = random.integers(lesions, size=number - lesions)
        images.append(first + np.concatenate([np.arange(lesions), again]))
        classes.append(np.full(lesions, label, np.uint8))
        first += lesions
    lesion_class = np.concatenate(classes)
    bounds = np.cumsum(SITE_SHARES, axis=1)[:, :-1]
    site = (random.random(len(lesion_class))[:, None] >= bounds[lesion_class]).sum(axis=1)
    # Lesions are renumbered at random, so that an id says nothing about the class.
    number_of = random.permutation(len(lesion_class))
    by_number = np.argsort(number_of)
    image_lesion = number_of[random.permutation(np.concatenate(images))]
    return _Plan(lesion_class[by_number], site[by_number], image_lesion)


def _class_sizes(count: int) -> list[int]:
    """Splits `count` in HAM10000's proportions by the largest remainders."""
    exact = [count * number / sum(CLASS_COUNTS) for number in CLASS_COUNTS]
    sizes = [int(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda label: sizes[label] - exact[label])
    for label in by_remainder[: count - sum(sizes)]:
        sizes[label] += 1
    return sizes


def _draw_all(plan: _Plan, random: np.random.Generator) -> Drawing:
    """Draws the lesions of all images, class by class."""
    shape = (len(plan.image_lesion), SIDE, SIDE)
    pigment, highlight = np.empty(shape, np.float32), np.empty(shape, np.float32)
    for label, class_name in enumerate(CLASS_NAMES):
        rows = np.flatnonzero(plan.lesion_class[plan.image_lesion] == label)
        lesions, lesion = np.unique(plan.image_lesion[rows], return_inverse=True)
        drawing = draw(class_name, _views(lesion, len(lesions), random), FAINTEST)
        pigment[rows], highlight[rows] = drawing.pigment, drawing.highlight
    return Drawing(pigment, highlight)


def _views(lesion: NDArray[np.intp], num_lesions: int, random: np.random.Generator) -> Views:
    """Places each view: size and stretch belong to the lesion, zoom, place and turn to the view."""

    def per_lesion(low: float, high: float) -> Array:
        return uniform(random, (num_lesions, 1, 1), low, high)[lesion]

    def per_view(low: float, high: float) -> Array:
        return uniform(random, (len(lesion), 1, 1), low, high)

    radius = per_lesion(7, 10.5) * per_view(0.9, 1.1)
    column, row = _pixel_axes()
    x, y = (column - per_view(-3, 3)) / radius, (row - per_view(-3, 3)) / radius
    cosine, sine = direction(per_view(-1, 1), per_view(-1, 1))
    along: Array = cosine * x + sine * y
    across: Array = (cosine * y - sine * x) / per_lesion(0.8, 1)
    return Views(along, across, lesion, num_lesions, random)


def _pixel_axes() -> tuple[Array, Array]:
    """Columns (1, 1, width) and rows (1, height, 1) of the pixels, from the image's centre."""
    axis = np.arange(SIDE, dtype=np.float32) - np.float32((SIDE - 1) / 2)
    return axis[None, None, :], axis[None, :, None]


def _photograph(plan: _Plan, drawing: Drawing, random: np.random.Generator) -> NDArray[np.uint8]:
    """Puts the drawings on skin under a lamp and takes the pictures."""
    count, lesions = len(plan.image_lesion), len(plan.lesion_class)

    def per_lesion(low: float, high: float, channels: int = 1) -> Array:
        return uniform(random, (lesions, 1, 1, channels), low, high)[plan.image_lesion]

    skin = per_lesion(0.6, 1.0) * np.array([0.92, 0.72, 0.64], np.float32)
    skin = skin * per_lesion(0.95, 1.05, 3)
    pigment_colour = skin * per_lesion(0.35, 0.7) * per_lesion(0.9, 1.1, 3)
    image = skin + drawing.pigment[..., None] * (pigment_colour - skin)
    image += np.float32(0.65) * drawing.highlight[..., None] * (np.float32(0.95) - image)
    image *= (1 - np.float32(0.7) * _hairs(count, random))[..., None]
    image *= _lamp(count, random)[..., None]
    image *= SITE_CASTS[plan.lesion_site[plan.image_lesion]][:, None, None, :]
    # A sum of three uniform numbers: nearly normal, and exact on every processor.
    for _ in range(3):
        image += uniform(random, image.shape, -NOISE, NOISE)
    return (unit(image) * np.float32(255) + np.float32(0.5)).astype(np.uint8)


def _hairs(count: int, random: np.random.Generator) -> Array:
    """How dark hairs make each pixel, in [0, 1]: straight, none to two an image, mostly none."""
    column, row = _pixel_axes()
    dark: Array = np.zeros((count, SIDE, SIDE), np.float32)
    for _ in range(2):
        x, y, away, chance = uniform(random, (4, count, 1, 1), -1, 1)
        cosine, sine = direction(x, y)
        off = np.abs(cosine * column + sine * row - np.float32(12) * away)
        dark = np.maximum(dark, unit(1 - off) * (chance > np.float32(0.7)))
    return dark


def _lamp(count: int, random: np.random.Generator) -> Array:
    """Brightness that rises or falls across each image by up to a quarter."""
    column, row = _pixel_axes()
    across, down, level = uniform(random, (3, count, 1, 1), -0.25, 0.25)
    slope = (across * column + down * row) / np.float32(SIDE - 1)
    lamp: Array = 1 + slope + np.float32(0.4) * level
    return lamp
