import numpy as np
import pytest

from tff_health.data.images import LabelledImages
from tff_health.data.split import choose_groups, hold_out_validation, split_images
from tff_health.errors import DataError


def lesion_images(number=900, name="ham10000", with_lesions=True, seed=0):
    """Images in which about every second lesion is shown twice, in three unequal classes."""
    rng = np.random.default_rng(seed)
    lesions = np.sort(rng.integers(0, number * 2 // 3, number))
    labels = (lesions % 10 // 4).astype(np.uint8)
    return LabelledImages(
        name=name,
        form="made by a test",
        pixels=rng.integers(0, 256, (number, 4, 4, 3), np.uint8),
        labels=labels,
        class_names=("a", "b", "c"),
        groups=lesions.astype(str) if with_lesions else None,
    )


def test_paper_split_has_the_papers_numbers():
    images = lesion_images(10_015)
    split = split_images(images, "paper", copies=8, seed=1)
    assert (len(split.train), len(split.test)) == (80_000, 10_135)
    assert split.copies_after == 0
    pairs = {*zip(split.train.rows, split.train.copies, strict=True)}
    pairs |= {*zip(split.test.rows, split.test.copies, strict=True)}
    assert pairs == {(row, copy) for row in range(10_015) for copy in range(9)}


def test_paper_split_leaks_lesions_and_clean_split_does_not():
    images = lesion_images()
    for name, leaks in (("paper", True), ("clean", False)):
        split = split_images(images, name, copies=8, seed=1)
        both = np.intersect1d(images.groups[split.train.rows], images.groups[split.test.rows])
        assert (len(both) > 0) == leaks


def test_clean_split_covers_everything_once_and_keeps_class_shares():
    images = lesion_images()
    split = split_images(images, "clean", copies=8, seed=1)
    rows = np.sort(np.concatenate([split.train.rows, split.test.rows]))
    np.testing.assert_array_equal(rows, np.arange(len(images)))
    assert not split.train.copies.any()
    assert not split.test.copies.any()
    for label in range(3):
        share = (split.test.labels == label).sum() / (images.labels == label).sum()
        assert share == pytest.approx(0.15, abs=0.01)


def test_a_lesion_with_two_labels_stays_on_one_side():
    images = lesion_images()
    labels = images.labels.copy()
    twice = np.flatnonzero(images.groups[1:] == images.groups[:-1])
    labels[twice] = (labels[twice] + 1) % 3
    images = LabelledImages(**{**vars(images), "labels": labels})
    split = split_images(images, "clean", copies=0, seed=1)
    assert not np.intersect1d(images.groups[split.train.rows], images.groups[split.test.rows]).size


def test_clean_split_without_groups_is_refused_for_lesions():
    with pytest.raises(DataError, match=r"--split=paper"):
        split_images(lesion_images(with_lesions=False), "clean", copies=0, seed=1)


def test_clean_split_of_digits_needs_no_lesions():
    split = split_images(lesion_images(name="digits", with_lesions=False), "clean", 0, seed=1)
    assert len(split.test) == pytest.approx(0.15 * 900, abs=2)


def test_given_split_is_the_publishers():
    images = lesion_images()
    is_test = np.arange(len(images)) % 3 == 0
    split = split_images(LabelledImages(**{**vars(images), "is_test": is_test}), "given", 0, seed=1)
    np.testing.assert_array_equal(split.test.rows, np.flatnonzero(is_test))
    np.testing.assert_array_equal(split.train.rows, np.flatnonzero(~is_test))
    with pytest.raises(DataError, match="without a test part"):
        split_images(images, "given", 0, seed=1)


@pytest.mark.parametrize("name", ["paper", "clean"])
def test_splits_depend_on_the_seed_alone(name):
    images = lesion_images()
    first, again, other = (split_images(images, name, 8, seed) for seed in (1, 1, 2))
    assert first.test.digest() == again.test.digest() != other.test.digest()


def test_unknown_split_is_refused():
    with pytest.raises(DataError, match="paper, clean and given"):
        split_images(lesion_images(), "random", 0, seed=1)


def test_clean_validation_shares_no_lesion_with_training_and_is_not_augmented():
    images = lesion_images()
    split = split_images(images, "clean", copies=8, seed=1)
    training, validation = hold_out_validation(images, split.train, split, seed=1, client=0)
    assert len(validation) == pytest.approx(0.1 * len(split.train), abs=5)
    assert not validation.copies.any()
    assert len(training) == 9 * (len(split.train) - len(validation))
    assert not np.intersect1d(images.groups[training.rows], images.groups[validation.rows]).size


def test_validation_images_of_a_given_split_are_put_aside_by_group():
    images = lesion_images()
    images = LabelledImages(**{**vars(images), "is_test": np.arange(len(images)) % 3 == 0})
    split = split_images(images, "given", copies=0, seed=1)
    training, validation = hold_out_validation(images, split.train, split, seed=1, client=0)
    assert len(validation)
    assert not np.intersect1d(images.groups[training.rows], images.groups[validation.rows]).size


def test_paper_validation_is_a_tenth_of_the_examples():
    images = lesion_images()
    split = split_images(images, "paper", copies=8, seed=1)
    training, validation = hold_out_validation(images, split.train, split, seed=1, client=0)
    assert len(validation) == round(0.1 * len(split.train))
    assert len(training) + len(validation) == len(split.train)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_tiny_clients_keep_something_to_train_on(number):
    images = lesion_images()
    split = split_images(images, "clean", copies=0, seed=1)
    part = split.train.take(np.arange(number))
    training, _ = hold_out_validation(images, part, split, seed=1, client=0)
    assert len(training) >= 1


def test_choose_groups_takes_whole_groups_and_not_too_many():
    groups = np.repeat(np.arange(40), 5)
    chosen = choose_groups(groups, 0.33, np.random.default_rng(0))
    assert len(chosen) == 65
    assert set(np.bincount(groups[chosen])) <= {0, 5}
