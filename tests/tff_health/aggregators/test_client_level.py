"""The mean that hides whole clients: type, clipping, noise, and where the sum comes from."""

import math

import numpy as np
import pytest
import tensorflow_federated as tff

from crypto.encoding.fixed_point import FixedPoint
from tests.tff_health.clear_sums import clear_context
from tff_health.aggregators.client_level import ClientLevelMean
from tff_health.aggregators.fixed_point_mean import FixedPointMean
from tff_health.local.adaptive_clipping import split_noise

CLIENTS, SIZE = 4, 2000
VALUE_TYPE = tff.types.to_type([(np.float32, [SIZE]), (np.float32, [3])])


def process_of(noise_multiplier, clipping_norm=1.0):
    mean = FixedPointMean(FixedPoint(fraction_bits=20, clip_range=2.0), CLIENTS)
    return ClientLevelMean(mean, CLIENTS, noise_multiplier, clipping_norm).create(VALUE_TYPE)


def updates(scale):
    rng = np.random.default_rng(0)
    return [
        [
            (scale * rng.normal(size=SIZE) / math.sqrt(SIZE)).astype(np.float32),
            np.zeros(3, np.float32),
        ]
        for _ in range(CLIENTS)
    ]


def test_it_is_an_aggregation_that_reveals_secure_sums_only(tff_context):
    process = process_of(1.0)
    assert process.next.type_signature.parameter[1] == tff.FederatedType(VALUE_TYPE, tff.CLIENTS)
    assert process.next.type_signature.result.result == tff.FederatedType(VALUE_TYPE, tff.SERVER)


def test_without_noise_small_updates_are_averaged_as_they_are(clear_sums):
    process, given = process_of(0.0, clipping_norm=10.0), updates(1.0)
    output = process.next(process.initialize(), given)
    expected = np.mean([update[0] for update in given], axis=0)
    np.testing.assert_allclose(output.result[0], expected, atol=2e-6)


def test_large_updates_are_clipped_and_the_norm_follows_the_clients(clear_sums):
    process, given = process_of(0.0, clipping_norm=0.1), updates(5.0)
    state, norms = process.initialize(), []
    for _ in range(12):
        output = process.next(state, given)
        state = output.state
        norms.append(float(np.linalg.norm(output.result[0])))
    assert norms[0] <= 0.1
    assert norms[-1] > 2 * norms[0]


@pytest.mark.parametrize("multiplier", [0.5, 2.0])
def test_noise_is_what_is_accounted_for(clear_sums, multiplier):
    process = process_of(multiplier, clipping_norm=1.0)
    given = [[np.zeros(SIZE, np.float32), np.zeros(3, np.float32)] for _ in range(CLIENTS)]
    noise = process.next(process.initialize(), given).result[0]
    wanted = split_noise(multiplier, CLIENTS)[0] / CLIENTS
    assert 0.93 * wanted < noise.std() < 1.07 * wanted


@pytest.mark.parametrize(("multiplier", "clients"), [(0.5, 10), (2.0, 4), (1.0, 1000)])
def test_mean_and_quantile_together_cost_what_one_release_does(multiplier, clients):
    mean, count = split_noise(multiplier, clients)
    assert (mean**-2 + (2 * count) ** -2) ** -0.5 == pytest.approx(multiplier)
    assert mean < 1.2 * multiplier
    assert split_noise(0.0, clients) == (0.0, 0.0)


@pytest.fixture
def clear_sums(tff_context):
    context = clear_context(tff_context)
    with tff.framework.get_context_stack().install(context):
        yield
