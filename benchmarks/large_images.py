"""The memory of a run on more images than would fit into it.

Usage: python -m benchmarks.large_images [--folder=DIR] [--images=20000] [--rounds=3,30]

20,000 random images of 224x224x3, 3 GB as uint8 and 12 GB as float32, lie in the form in which own
images are kept; 10 clients train a network of a few hundred weights on them by the scheme
`bonawitz`, a whole command for each number of rounds. What counts is the largest sum of the
proportional set sizes (PSS) of all its processes, in which memory that several share counts once;
the sum of their resident set sizes is told beside it. The folder needs 7 GB.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

SHAPE, CLASSES, CLIENTS = (224, 224, 3), 5, 10
_AT_A_TIME = 500
_SECONDS = 0.5  # between two looks
_FLAGS = (
    *("--dataset=digits", "--split=clean", "--augment_copies=0", "--scheme=bonawitz"),
    *("--model=benchmarks.large_images:tiny", f"--num_clients={CLIENTS}", "--local_epochs=1"),
)


def tiny(input_shape, num_classes):  # type: ignore[no-untyped-def]
    """Returns a network that learns from means over squares of 32 by 32 pixels."""
    import tensorflow as tf

    return tf.keras.Sequential(
        [
            tf.keras.layers.InputLayer(input_shape),
            tf.keras.layers.AveragePooling2D(32),
            tf.keras.layers.Flatten(),
            tf.keras.layers.Dense(num_classes),
        ]
    )


def train(pixels: Path, rounds: int, folder: Path) -> None:
    """Trains for so many rounds on the images in a file, in this process and its workers."""
    from tff_health.quiet import silence_libraries

    silence_libraries()
    from tff_health import flags
    from tff_health.data.federated import federate
    from tff_health.data.images import LabelledImages
    from tff_health.data.pixels import StoredPixels
    from tff_health.reporting.results_folder import ResultsFolder
    from tff_health.training import run

    count = pixels.stat().st_size // int(np.prod(SHAPE))
    images = LabelledImages(
        name=str(pixels),
        form="random numbers",
        pixels=StoredPixels(pixels, (count, *SHAPE)),
        labels=np.random.default_rng(1).integers(0, CLASSES, count).astype(np.uint8),
        class_names=tuple("abcde"[:CLASSES]),
    )
    invocation = flags.parse(["", *_FLAGS, f"--rounds={rounds}"], {})
    assert not isinstance(invocation, str)
    config = invocation.config
    federated = federate(images, "clean", 0, config.partition_spec, config.run.seed)
    with ResultsFolder(folder, config.as_dict()) as results:
        print(run.train(config, federated, results))


def write_images(path: Path, count: int) -> None:
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        for start in range(0, count, _AT_A_TIME):
            file.write(rng.bytes(min(_AT_A_TIME, count - start) * int(np.prod(SHAPE))))


def _tree(root: int) -> Iterator[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [root]
    while found:
        process = found.pop()
        yield process
        found += children.get(process, [])


def _memory(root: int) -> tuple[float, float]:
    """PSS and RSS of a process and all that descend from it, in GB."""
    sums = {"Pss": 0, "Rss": 0}
    for process in _tree(root):
        try:
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:
            continue
        for name in sums:
            if found := re.search(rf"^{name}: +(\d+) kB$", text, re.MULTILINE):
                sums[name] += int(found[1])
    return sums["Pss"] * 1024 / 1e9, sums["Rss"] * 1024 / 1e9


def watch(command: list[str]) -> tuple[float, float, float]:
    """Runs a command; returns its peaks of PSS and RSS in GB, and how long it took in seconds."""
    started, peaks = time.monotonic(), (0.0, 0.0)
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            now = _memory(process.pid)
            peaks = max(peaks[0], now[0]), max(peaks[1], now[1])
            time.sleep(_SECONDS)
    if process.returncode:
        raise SystemExit(process.returncode)
    return *peaks, time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="for images and results; removed afterwards")
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--rounds", default="3,30", help="numbers, joined by commas")
    parser.add_argument("--train", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        train(Path(options.train[0]), int(options.train[1]), Path(options.train[2]))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        pixels = Path(name) / "images.bin"
        write_images(pixels, options.images)
        for rounds in options.rounds.split(","):
            own = [str(pixels), rounds, str(Path(name) / f"rounds-{rounds}")]
            command = [sys.executable, "-m", "benchmarks.large_images", "--train", *own]
            pss, rss, taken = watch(command)
            print(
                f"{options.images:,} images, {rounds} rounds of {CLIENTS} clients: at most "
                f"{pss:.2f} GB PSS, {rss:.2f} GB RSS in all processes; {taken:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
