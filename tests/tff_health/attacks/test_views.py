"""What the server sees: exact without mask or noise, noise of the right size."""

import numpy as np
import pytest

from tff_health.attacks import views

SHAPES = [(2, 3), (4,)]
GRADIENT = [np.arange(6, dtype=np.float32).reshape(2, 3) - 3, np.array([0.5, -0.5, 1, -1], "f4")]


def length(arrays):
    return float(np.sqrt(sum(np.square(array).sum() for array in arrays)))


def test_a_plain_update_is_the_gradient():
    found = views.plain([0.25 * array for array in GRADIENT], 0.25)
    assert all(np.array_equal(f, g) for f, g in zip(found, GRADIENT, strict=True))


@pytest.mark.parametrize("bits", [8, 32, 62, 64])
def test_an_upload_without_mask_decodes_to_the_update(bits):
    flat = np.concatenate([array.ravel() for array in GRADIENT])
    encoded = np.rint(flat * 2**4).astype(np.int64)
    residues = encoded.astype(np.uint64) & np.uint64(2**bits - 1)
    found = views.masked(residues, SHAPES, bits, 4, learning_rate=0.5)
    assert [f.shape for f in found] == SHAPES
    assert all(np.array_equal(f, 2 * g) for f, g in zip(found, GRADIENT, strict=True))


def test_the_ends_of_the_residues_have_signs():
    ends = np.array([0, 127, 128, 255], np.uint64)
    assert views.masked(ends, [(4,)], 8, 0)[0].tolist() == [0, 127, -128, -1]


def test_a_private_update_without_noise_is_clipped_and_averaged():
    short = [0.01 * array for array in GRADIENT]
    clipped = views.private([GRADIENT], 1.0, 0, np.random.default_rng(0))
    assert length(clipped) == pytest.approx(1)
    assert clipped[1] * length(GRADIENT) == pytest.approx(GRADIENT[1])
    both = views.private([GRADIENT, short], 1.0, 0, np.random.default_rng(0))
    expected = [(c + s) / 2 for c, s in zip(clipped, short, strict=True)]
    for found, wanted in zip(both, expected, strict=True):
        assert found == pytest.approx(wanted, abs=1e-7)


@pytest.mark.parametrize("examples", [1, 4])
def test_noise_has_its_scale_and_not_two_thirds_or_three_halves_of_it(examples):
    zero = [np.zeros((100, 100), np.float32)]
    found = views.private([zero] * examples, 0.5, 3.0, np.random.default_rng(0))[0]
    deviation = examples * found.std() / (0.5 * 3.0)
    assert 0.95 < deviation < 1.05
    assert abs(examples * found.mean()) < 5 * 1.5 / 100


@pytest.mark.parametrize(
    ("upload", "bits", "message"),
    [
        (np.zeros(9, np.uint64), 8, "10 weights"),
        (np.zeros(10, np.float64), 8, "made of integers"),
        (np.full(10, 256, np.uint64), 8, "out of 0"),
        (np.full(10, -1, np.int64), 8, "out of 0"),
        (np.zeros(10, np.uint64), 65, "modulus_bits"),
        (np.zeros(10, np.uint64), 0, "modulus_bits"),
    ],
)
def test_uploads_that_are_none_are_refused(upload, bits, message):
    with pytest.raises(ValueError, match=message):
        views.masked(upload, SHAPES, bits, 4)


def test_parameters_out_of_range_are_refused():
    draw = np.random.default_rng(0)
    for message, call in (
        ("learning_rate", lambda: views.plain(GRADIENT, 0)),
        ("learning_rate", lambda: views.masked(np.zeros(10, np.uint64), SHAPES, 8, 4, np.nan)),
        ("clipping_norm", lambda: views.private([GRADIENT], 0, 1, draw)),
        ("noise_multiplier", lambda: views.private([GRADIENT], 1, -1, draw)),
        ("no example", lambda: views.private([], 1, 1, draw)),
    ):
        with pytest.raises(ValueError, match=message):
            call()
