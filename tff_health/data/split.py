"""Splits into a training and a test part.

`paper`: as published (section 7.1). Every image and its eight augmented copies are thrown together
and split at random, 80,000 to 10,135 of 90,135. It leaks: copies of one image, and images of one
group, stand in both parts, so its accuracies are too high. Offered to reproduce the paper.

`clean`: 15 % of the images, stratified by class and undivided by group (a lesion, a patient), are
the test part as they are; only training images are augmented. No group is on both sides.

`given`: the publisher's own parts, not augmented.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tff_health.data.catalog import allowed_splits
from tff_health.data.examples import Examples
from tff_health.data.images import LabelledImages
from tff_health.data.seeds import generator
from tff_health.data.split_names import COPIES
from tff_health.errors import DataError

PAPER_TRAINING_FRACTION = 80_000 / 90_135
CLEAN_TEST_FRACTION = 0.15
VALIDATION_FRACTION = 0.1


@dataclass(frozen=True, eq=False)
class Split:
    """A training and a test part.

    Attributes:
        name: "paper", "clean" or "given".
        train: what is given to the clients.
        test: what the server evaluates on.
        copies_after: augmented copies that each client adds to its own training images, once its
            validation images have been put aside; 0 if `train` already holds them, or none.
    """

    name: str
    train: Examples
    test: Examples
    copies_after: int


def split_images(images: LabelledImages, name: str, copies: int, seed: int) -> Split:
    """Splits `images` as the protocol called `name` says, reproducibly for one `seed`.

    Args:
        images: what is split.
        name: "paper", "clean" or "given".
        copies: augmented copies of each training image, for `clean`; the others know it themselves.
        seed: of the experiment.

    Raises:
        DataError: if the images do not allow that split.
    """
    if name == "paper":
        return _paper_split(images, seed)
    if name == "clean":
        return _clean_split(images, copies, seed)
    if name == "given":
        return _given_split(images)
    raise DataError(f"split '{name}' is unknown; there are paper, clean and given")


def _paper_split(images: LabelledImages, seed: int) -> Split:
    everything = Examples.originals(images).with_copies(COPIES)
    order = generator(seed, "split").permutation(len(everything))
    num_train = round(len(everything) * PAPER_TRAINING_FRACTION)
    return Split("paper", everything.take(order[:num_train]), everything.take(order[num_train:]), 0)


def _clean_split(images: LabelledImages, copies: int, seed: int) -> Split:
    if "clean" not in allowed_splits(images):
        raise DataError(
            f"{images.name} ({images.form}) does not say which images show the same lesion, so it "
            "cannot be split cleanly: use --split=paper, or a form of HAM10000 with lesion ids"
        )
    rng = generator(seed, "split")
    groups = images.groups if images.groups is not None else np.arange(len(images))
    is_test = np.zeros(len(images), bool)
    for label in range(images.num_classes):
        rows = np.flatnonzero(images.labels == label)
        is_test[rows[choose_groups(groups[rows], CLEAN_TEST_FRACTION, rng)]] = True
    # A group whose images carry two labels could have been chosen for one of them only.
    is_test |= np.isin(groups, groups[is_test])
    return _split_by_mask("clean", images, is_test, copies)


def _given_split(images: LabelledImages) -> Split:
    if images.is_test is None:
        raise DataError(f"{images.form} comes without a test part of its own: use another --split")
    return _split_by_mask("given", images, images.is_test, 0)


def _split_by_mask(
    name: str, images: LabelledImages, is_test: NDArray[np.bool_], copies: int
) -> Split:
    train = Examples.originals(images, np.flatnonzero(~is_test))
    return Split(name, train, Examples.originals(images, np.flatnonzero(is_test)), copies)


def hold_out_validation(
    images: LabelledImages,
    part: Examples,
    split: Split,
    seed: int,
    client: int,
    fraction: float = VALIDATION_FRACTION,
) -> tuple[Examples, Examples]:
    """Divides one client's examples into training and validation (10 % unless said otherwise).

    Groups stay undivided, but under the `paper` split, which divides them; the training examples
    then get their augmented copies.

    Returns:
        (training, validation), both in random order; training is never empty.
    """
    rng = generator(seed, f"validation of client {client}")
    groups: NDArray[np.generic] = np.arange(len(part))
    if split.name != "paper" and images.groups is not None:
        groups = images.groups[part.rows]
    is_validation = np.zeros(len(part), bool)
    is_validation[choose_groups(groups, fraction, rng)] = True
    if is_validation.all():
        is_validation[:] = False
    validation = part.take(np.flatnonzero(is_validation))
    training = part.take(np.flatnonzero(~is_validation))
    if split.copies_after:
        training = training.with_copies(split.copies_after)
    return training.take(rng.permutation(len(training))), validation


def choose_groups(
    groups: NDArray[np.generic], fraction: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Returns positions of about `fraction` of `groups`, taking each group whole or not at all.

    Groups are taken in random order as long as they do not exceed the rounded number wanted.
    """
    wanted = round(len(groups) * fraction)
    _, group_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = rng.permutation(len(sizes))
    chosen = order[np.cumsum(sizes[order]) <= wanted]
    return np.flatnonzero(np.isin(group_of, chosen))
