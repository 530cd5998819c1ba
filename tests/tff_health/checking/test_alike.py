"""Which images are said to be alike."""

import json

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from tff_health.checking import alike as module
from tff_health.checking.alike import NEAR_BITS, find_alike, hashes, near_pairs
from tff_health.data import catalog


@pytest.fixture(scope="module")
def lesions(tmp_path_factory):
    return catalog.load("synthetic_lesions", None, tmp_path_factory.mktemp("cache")).pixels


def slow_near_pairs(hashes, most_bits):
    return [
        [one, other]
        for one in range(len(hashes))
        for other in range(one + 1, len(hashes))
        if sum(hashes[one] != hashes[other]) <= most_bits
    ]


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_near_pairs_are_those_that_their_slow_twin_finds(monkeypatch, rows):
    monkeypatch.setattr(module, "_ROWS", rows)
    random = np.random.default_rng(0)
    found = random.random((40, 64)) < 0.5
    found[20:] = found[:20] ^ (random.random((20, 64)) < 0.1)
    for most_bits in (0, 5, 9):
        pairs, is_all = near_pairs(found, most_bits)
        assert is_all
        assert pairs.tolist() == slow_near_pairs(found, most_bits)
    assert len(pairs) > 10


def test_of_too_many_pairs_the_first_are_kept_and_that_is_said(monkeypatch):
    monkeypatch.setattr(module, "MOST_PAIRS", 6)
    pairs, is_all = near_pairs(np.zeros((9, 64), bool), 0)
    assert not is_all
    assert pairs.tolist() == [[0, other] for other in range(1, 7)]


def changed(pixels, how):
    image = Image.fromarray(pixels)
    if how == "compressed":
        big = image.resize((224, 224), Image.Resampling.BICUBIC)
        return np.asarray(big.resize(image.size, Image.Resampling.BOX))
    return np.asarray(ImageEnhance.Brightness(image).enhance(1.15))


@pytest.mark.parametrize("how", ["compressed", "brighter"])
def test_small_changes_are_found_and_drawn_lesions_are_not_taken_for_each_other(lesions, how):
    originals = lesions[:1500]
    copies = np.stack([changed(pixels, how) for pixels in originals[:30]])
    together = np.concatenate([originals, copies])
    pairs, _ = near_pairs(hashes(together, np.arange(len(together))), NEAR_BITS)
    true = {(row, 1500 + row) for row in range(30)}
    found = set(map(tuple, pairs.tolist()))
    assert found <= true  # none of a million others
    assert len(found) >= 25


def test_no_digit_of_scikit_learn_is_taken_for_another(tmp_path):
    pixels = catalog.load("digits", None, tmp_path).pixels
    pairs, _ = near_pairs(hashes(pixels, np.arange(len(pixels))), NEAR_BITS)
    assert not len(pairs)


def test_the_same_pixels_count_as_one_image_which_may_look_like_others(lesions):
    near = changed(lesions[3], "compressed")
    pixels = np.stack([lesions[3], lesions[8], near, lesions[3], near, lesions[8]])
    found = find_alike(pixels, "x", None)
    assert found.same.tolist() == [0, 1, 2, 0, 2, 1]
    assert found.near.tolist() == [[0, 2]]


def test_what_was_found_is_kept_and_what_is_damaged_is_found_anew(lesions, tmp_path, monkeypatch):
    pixels = lesions[:20]
    first = find_alike(pixels, "a" * 64, tmp_path)
    [path] = (tmp_path / "alike").iterdir()
    assert path.stat().st_mode & 0o077 == 0
    monkeypatch.setattr(module, "hashes", lambda *_: pytest.fail("looked again"))
    again = find_alike(pixels, "a" * 64, tmp_path)
    assert again.same.tolist() == first.same.tolist()
    monkeypatch.undo()
    for text in ("", "{}", json.dumps({"same": [0], "near": [], "is_all": True})):
        path.write_text(text)
        assert find_alike(pixels, "a" * 64, tmp_path).same.tolist() == first.same.tolist()


def test_among_many_images_it_is_said_that_nobody_looked(lesions):
    found = find_alike(lesions[:20], "x", None, most=19)
    assert found.near is None
    assert found.same.tolist() == [*range(20)]
