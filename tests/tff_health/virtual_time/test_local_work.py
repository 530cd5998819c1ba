import numpy as np
import pytest

from tff_health.virtual_time.local_work import update_scales, work_norm

CENTRES = np.array([-1.0, 0.5, 3.0])  # client i has the loss (x - c_i)^2 / 2
STEPS = {0: 50, 1: 10, 2: 2}
OPTIMUM = CENTRES.mean()


def local_update(x, centre, steps, rate, momentum=0.0):
    """Plain gradient descent of one client; returns initial - trained."""
    own, velocity = x, 0.0
    for _ in range(steps):
        velocity = momentum * velocity + own - centre
        own -= rate * velocity
    return x - own


def optimum_found(momentum, *, is_normalised, rate=1e-4, rounds=8000):
    weights = dict.fromkeys(STEPS, 1.0)
    scales = update_scales(STEPS, weights, momentum) if is_normalised else dict.fromkeys(STEPS, 1.0)
    x = 0.0
    for _ in range(rounds):
        updates = [scales[c] * local_update(x, CENTRES[c], STEPS[c], rate, momentum) for c in STEPS]
        x -= np.mean(updates)
    return x


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_normalised_averaging_takes_the_bias_of_unequal_work_away(momentum):
    plain = optimum_found(momentum, is_normalised=False)
    normalised = optimum_found(momentum, is_normalised=True)
    # The plain mean comes to the mean of the optima weighted by work (Wang et al., theorem 1).
    norms = np.array([work_norm(STEPS[c], momentum) for c in STEPS])
    assert plain == pytest.approx(CENTRES @ norms / norms.sum(), abs=0.02)
    assert abs(plain - OPTIMUM) > 1.0
    assert normalised == pytest.approx(OPTIMUM, abs=0.02)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_the_norm_is_the_sum_of_what_gradients_count(momentum, steps):
    counts = [sum(momentum**later for later in range(steps - step)) for step in range(steps)]
    assert work_norm(steps, momentum) == pytest.approx(sum(counts))


def test_equal_work_is_not_scaled_at_all():
    scales = update_scales(dict.fromkeys(range(7), 13), dict.fromkeys(range(7), 1.0))
    assert {np.float32(scale) for scale in scales.values()} == {np.float32(1)}


def test_the_effective_work_is_the_weighted_mean():
    scales = update_scales({0: 10, 1: 2}, {0: 1.0, 1: 3.0})
    assert scales == pytest.approx({0: 4 / 10, 1: 4 / 2})


def test_no_update_is_multiplied_with_more_than_four():
    scales = update_scales({0: 100, 1: 2}, {0: 1.0, 1: 1.0})
    assert scales == pytest.approx({0: 8 / 100, 1: 4})
