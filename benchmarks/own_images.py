"""Reading a folder of JPEG files, against Keras's `image_dataset_from_directory`.

Usage: python -m benchmarks.own_images [FILES]

Both sides read the same files of 600x450 pixels and bring them to 64x64, each on all cores. Their
images are compared first; then they take turns in one run, each pair in another order. Counted is
processor time, which another program on the machine does not lengthen, and time on the clock.
"""

import contextlib
import io
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tff_health.quiet import silence_libraries

silence_libraries()

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from tff_health.data.own.read import read
from tff_health.data.reading import Reading

FILES = 2_000
SIZE = (600, 450)
SIDE = 64
CLASSES = 4
PAIRS = 5
# Two filters, of which one looks at a half of the pixels, still show one picture.
LARGEST_MEAN_DIFFERENCE = 6.0


def main(files: int) -> None:
    with tempfile.TemporaryDirectory(prefix="own_images-") as folder:
        images, cache = Path(folder, "images"), Path(folder, "cache")
        write_jpegs(images, files)
        ours, theirs = ours_of(images, cache), keras_of(images)
        difference = float(np.abs(ours.astype(float) - theirs).mean())
        print(f"{files:,} JPEG files of {SIZE[0]}x{SIZE[1]} pixels to {SIDE}x{SIDE}")
        print(f"  mean difference of a channel   {difference:.2f} of 255")
        assert ours.shape == theirs.shape
        assert difference < LARGEST_MEAN_DIFFERENCE

        pairs = [in_turns(images, cache, is_odd=bool(pair % 2)) for pair in range(PAIRS)]
        for kind, place in (("processor", 0), ("clock", 1)):
            mine, other = ([pair[side][place] for pair in pairs] for side in (0, 1))
            ratios = [a / b for a, b in zip(mine, other, strict=True)]
            print(f"  {kind} time")
            print(f"    tff_health   {statistics.median(mine):6.2f} s (median of {PAIRS})")
            print(f"    Keras        {statistics.median(other):6.2f} s")
            print(
                f"    ratio        {statistics.median(ratios):6.2f}   "
                f"({min(ratios):.2f} to {max(ratios):.2f})"
            )
        _, again = timed(lambda: ours_of(images, cache))
        print(f"  second start   {again:6.2f} s on the clock")


def write_jpegs(folder: Path, files: int) -> None:
    """Writes photographs of smooth colours with noise, as a camera makes them."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]].astype(np.float32)
    noise = random.normal(0, 8, (SIZE[1], SIZE[0], 3)).astype(np.float32)
    for number in range(files):
        path = folder / f"class{number % CLASSES}" / f"{number:06}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        a, b, c = random.uniform(0.005, 0.05, 3)
        waves = np.stack([np.sin(a * x), np.sin(b * y), np.sin(c * (x + y))], axis=-1)
        shifted = np.roll(noise, int(random.integers(450)), axis=0)
        pixels = np.clip(150 + 70 * waves + shifted, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(path, quality=90)


def in_turns(images: Path, cache: Path, *, is_odd: bool) -> list[tuple[float, float]]:
    """Times both sides; returns (processor, clock) seconds of ours and of Keras's."""

    def ours() -> None:
        shutil.rmtree(cache, ignore_errors=True)
        ours_of(images, cache)

    sides: list[Callable[[], object]] = [ours, lambda: keras_of(images)]
    order = (1, 0) if is_odd else (0, 1)
    found = {side: timed(sides[side]) for side in order}
    return [found[0], found[1]]


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Returns how long it takes: processor seconds of this process, seconds on the clock."""
    processor, clock = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - processor, time.perf_counter() - clock


def ours_of(images: Path, cache: Path) -> NDArray[np.uint8]:
    """Reads as a run does, from the cache if it is there."""
    return read(images, Reading(SIDE), cache).pixels[:]


def keras_of(images: Path) -> NDArray[np.float32]:
    """Reads once with Keras, cropped to a square as ours."""
    with contextlib.redirect_stdout(io.StringIO()):  # it tells how many files it found
        data = tf.keras.utils.image_dataset_from_directory(
            images,
            image_size=(SIDE, SIDE),
            shuffle=False,
            batch_size=256,
            crop_to_aspect_ratio=True,
        )
    return np.concatenate([batch.numpy() for batch, _ in data.prefetch(tf.data.AUTOTUNE)])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else FILES)
