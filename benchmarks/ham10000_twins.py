"""Images of HAM10000 that are alike or of one lesion, and what they do to accuracy.

    python -m benchmarks.ham10000_twins --pairs          # pairs of different lesions that are alike
    python -m benchmarks.ham10000_twins --seeds 0 1 2    # what lesions on both sides of a split do

HAM10000's packed file is looked for in $TFF_HEALTH_DATA_DIR. For each seed, 15 % of the images are
drawn as test part, image by image, as is often done. The paper's network is then trained on three
parts of the others: all whose lesion is not in the test part; as many, of the same labels, among
which images of test lesions stay; and the first, with one wrong label in each lesion of several
images. All three have the same test part and the same number of images and steps.
"""

import argparse
import os
from collections.abc import Callable
from dataclasses import replace

from tff_health.quiet import silence_libraries

silence_libraries()

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models import paper_cnn
from tff_health.data import catalog, folders
from tff_health.data.images import LabelledImages
from tff_health.data.split import split_images

BATCH, RATE = 64, 1e-3
ALIKE = (0.97, 0.98, 0.985, 0.99, 0.995)
_PIECE = 1000

Rows = NDArray[np.int64]


def alike_across_lesions(images: LabelledImages) -> NDArray[np.float32]:
    """For each pair of images of different lesions above ALIKE[0], the largest correlation.

    Over the eight turned and mirrored positions of one of the two; brightness and contrast of the
    whole image do not count.
    """
    pixels, lesions = np.asarray(images.pixels), np.unique(images.groups, return_inverse=True)[1]
    upright = _standardised(pixels)
    found: dict[tuple[int, int], float] = {}
    for turns in range(4):
        turned = np.rot90(pixels, turns, (1, 2))
        for other in map(_standardised, (turned, turned[:, :, ::-1])):
            for start in range(0, len(pixels), _PIECE):
                correlation = upright[start : start + _PIECE] @ other.T
                ones, others = np.nonzero(correlation > ALIKE[0])
                for one, two in zip(ones, others, strict=True):
                    if one + start < two and lesions[one + start] != lesions[two]:
                        pair = int(one + start), int(two)
                        found[pair] = max(found.get(pair, 0), float(correlation[one, two]))
    return np.array(list(found.values()), np.float32)


def _standardised(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    flat = pixels.reshape(len(pixels), -1).astype(np.float32)
    flat -= flat.mean(1, keepdims=True)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)


def parts(images: LabelledImages, seed: int) -> tuple[Rows, Rows, Rows]:
    """Rows of the test part, of training without its lesions, and of as many with some of them."""
    each = replace(images, groups=np.arange(len(images)).astype(str))
    split = split_images(each, "clean", 0, seed)
    test, rest = split.test.rows, split.train.rows
    lesions = np.asarray(images.groups)
    shared = np.isin(lesions[rest], lesions[test])
    without = rest[~shared]
    rng = np.random.default_rng(seed)
    kept = [rest[shared]]  # and for each of them one of the others, of its label, goes
    for label in range(images.num_classes):
        own = without[images.labels[without] == label]
        gone = min(len(own), int(np.sum(images.labels[rest[shared]] == label)))
        kept.append(rng.permutation(own)[gone:])
    return test, without, np.sort(np.concatenate(kept))


def with_wrong_labels(images: LabelledImages, rows: Rows, seed: int) -> NDArray[np.uint8]:
    """Labels of `rows`; in each lesion with several of them, one has another lesion's label."""
    labels, lesions = images.labels[rows].copy(), np.asarray(images.groups)[rows]
    rng = np.random.default_rng(seed)
    _, first, counts = np.unique(lesions, return_index=True, return_counts=True)
    chosen = first[counts > 1]
    labels[chosen] = (labels[chosen] + rng.integers(1, images.num_classes, len(chosen))) % (
        images.num_classes
    )
    return labels


def trained(
    pixels: NDArray[np.uint8], labels: NDArray[np.uint8], epochs: int, seed: int
) -> Callable[[NDArray[np.uint8]], NDArray[np.int64]]:
    """Trains the paper's network with flips; returns what predicts labels."""
    tf.keras.utils.set_random_seed(seed)
    model = paper_cnn.build(paper_cnn.PAPER_INPUT_SHAPE, paper_cnn.PAPER_NUM_CLASSES)
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    steps = epochs * -(-len(pixels) // BATCH)
    model.compile(
        tf.keras.optimizers.Adam(tf.keras.optimizers.schedules.CosineDecay(RATE, steps)), loss
    )

    def flipped(images: tf.Tensor, wanted: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images = tf.image.random_flip_left_right(tf.image.random_flip_up_down(images))
        return tf.cast(images, tf.float32) / 255, wanted

    data = tf.data.Dataset.from_tensor_slices((pixels, labels)).shuffle(len(pixels), seed=seed)
    model.fit(data.batch(BATCH).map(flipped).prefetch(2), epochs=epochs, verbose=0)
    return lambda images: model.predict(images / np.float32(255), verbose=0).argmax(1)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", action="store_true")
    parser.add_argument("--seeds", type=int, nargs="*", default=[])
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args()
    images = catalog.load("ham10000", folders.data_folder(None, os.environ), None)
    lesions = np.asarray(images.groups)
    if options.pairs:
        found = alike_across_lesions(images)
        for least in ALIKE:
            print(f"correlation above {least}: {int((found > least).sum()):,} pairs")
    for seed in options.seeds:
        test, without, among = parts(images, seed)
        wrong = with_wrong_labels(images, without, seed)
        twins = np.isin(lesions[test], lesions[among])
        print(
            f"seed {seed}: {len(test):,} test images, {int(twins.sum())} with a lesion that the "
            f"second training part knows; {len(without):,} and {len(among):,} training images, "
            f"{int((wrong != images.labels[without]).sum())} wrong labels in the third"
        )
        pixels = np.asarray(images.pixels)
        trainings = {
            "no lesion shared": (without, images.labels[without]),
            "lesions shared": (among, images.labels[among]),
            "wrong labels": (without, wrong),
        }
        for name, (rows, labels) in trainings.items():
            predict = trained(pixels[rows], labels, options.epochs, seed)
            right = predict(pixels[test]) == images.labels[test]
            recalls = [right[images.labels[test] == c].mean() for c in range(images.num_classes)]
            print(
                f"  {name:18} accuracy {right.mean():6.1%}, balanced {np.mean(recalls):6.1%}, "
                f"where the lesion is known {right[twins].mean():6.1%}, "
                f"else {right[~twins].mean():6.1%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
