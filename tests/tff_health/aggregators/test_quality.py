"""Data quality, equations (12) to (15), by hand and at its edges.

The second half of the paper's round, equations (16) to (24), is computed by hand in
`tests/crypto/protocols/quality_sum/test_by_hand.py`; the last test here runs both halves together.
"""

import math

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from crypto.encoding.fixed_point import FixedPoint
from crypto.protocols.elgamal_sum.session import ElGamalSum
from crypto.protocols.masking.session import DoubleMasking
from crypto.protocols.masking.topology import CompleteGraph
from crypto.protocols.paillier_sum.session import PaillierSum
from crypto.protocols.quality_sum.session import HardenedQualitySum, QualitySum
from tff_health.aggregators.quality_mean import QualityWeightedMean
from tff_health.errors import RunError
from tff_health.local.quality import QualityRule, normalised_distance
from tff_health.secure_aggregation.protocols import BoundProtocols
from tff_health.secure_aggregation.quality_protocol import QualityProtocol
from tff_health.secure_aggregation.secure_sums import secure_sums
from tff_health.secure_aggregation.slots import Slot

BETA = 0.5
CHI_SQUARE_4 = 11.143286781877796  # its 97.5 % quantile with 4 degrees of freedom, from a table

# Four parameters. w is the global model before and after the last round, and each client's.
W_BEFORE = [1.0, 2.0, -1.0, 0.5]
W_NOW = [0.5, 1.0, 0.0, 0.5]
CLIENTS = {
    1: [0.25, 0.5, 0.5, 0.5],
    2: [0.0, 0.0, 1.0, 0.5],
    3: [1.0, 1.5, -0.5, 0.75],
}
G_GLOBAL = [1.0, 2.0, -2.0, 0.0]  # (12): (W_BEFORE - W_NOW) / BETA
G = {
    1: [0.5, 1.0, -1.0, 0.0],
    2: [1.0, 2.0, -2.0, 0.0],
    3: [-1.0, -1.0, 1.0, -0.5],
}
SQUARES = {1: 0.25 + 1 + 1, 2: 0.0, 3: 4 + 9 + 9 + 0.25}
# (14): delta / distance, with two decimals, at most 100.
QUALITIES = {1: 495, 2: 10000, 3: 50}


def update_of(client):
    return [before - after for before, after in zip(W_NOW, CLIENTS[client], strict=True)]


def quality(update, last, is_first=False, **rule):
    settings = {"learning_rate": BETA, "largest": 100.0, **rule}
    given = [tf.constant(update, tf.float32)], [tf.constant(last, tf.float32)]
    return float(QualityRule(**settings).quality(*given, tf.constant(0 if is_first else 1)))


LAST_UPDATE = [before - now for before, now in zip(W_BEFORE, W_NOW, strict=True)]


def test_gradients_by_hand():
    assert [step / BETA for step in LAST_UPDATE] == G_GLOBAL
    for client, gradient in G.items():
        assert [step / BETA for step in update_of(client)] == gradient
        pairs = zip(gradient, G_GLOBAL, strict=True)
        assert sum((ours - last) ** 2 for ours, last in pairs) == SQUARES[client]


def test_quality_by_hand():
    assert QualityRule(BETA).scale(4) == pytest.approx(CHI_SQUARE_4, rel=1e-12)
    for client, squares in SQUARES.items():
        found = quality(update_of(client), LAST_UPDATE)
        expected = min(CHI_SQUARE_4 / squares, 100.0) if squares else 100.0
        assert found == pytest.approx(expected, rel=1e-12)
        assert round(found * 100) == QUALITIES[client]


def test_norm_is_the_root_of_the_squares():
    found = quality(update_of(3), LAST_UPDATE, distance="norm")
    assert found == pytest.approx(CHI_SQUARE_4 / math.sqrt(SQUARES[3]), rel=1e-12)


def test_opposite_signs_count_four_times():
    # The first three coordinates of client 3 have opposite signs, the last one has not.
    expected = CHI_SQUARE_4 / (4 * (4 + 9 + 9) + 0.25)
    assert quality(update_of(3), LAST_UPDATE, distance="signs") == pytest.approx(expected)
    assert quality(update_of(1), LAST_UPDATE, distance="signs") == quality(
        update_of(1), LAST_UPDATE
    )


@pytest.mark.parametrize("distance", ["squares", "norm", "signs"])
@pytest.mark.parametrize(
    ("update", "expected"),
    [
        (LAST_UPDATE, 100.0),  # no distance: the largest quality
        ([1e6, 0, 0, 0], 0.01),  # a huge one: the smallest, not none
        ([np.nan, 0, 0, 0], 0.0),
        ([np.inf, 0, 0, 0], 0.0),
        ([-np.inf, 0, 0, 0], 0.0),
        ([3e38, 3e38, -3e38, 3e38], 0.01),  # its square is beyond float32
    ],
)
def test_edges(update, expected, distance):
    assert quality(update, LAST_UPDATE, distance=distance) == pytest.approx(expected)


def test_without_a_last_gradient_all_qualities_are_one():
    for update in (LAST_UPDATE, [0, 0, 0, 0], [1e6, 0, 0, 0], [np.nan, 0, 0, 0]):
        assert quality(update, [0, 0, 0, 0], is_first=True) == 1.0


def test_normalised_distance():
    # (13): |g - g_last| / |g_last| with |(0, 3, 4)| / |(0, 0, 2)|
    found = normalised_distance([tf.constant([0.0, 3.0, 6.0])], [tf.constant([0.0, 0.0, 2.0])])
    assert float(found) == 2.5
    nothing = [tf.zeros(3)]
    assert math.isnan(float(normalised_distance([tf.ones(3)], nothing)))


@pytest.fixture(scope="module")
def mean():
    """The computation of one round over four parameters."""
    rule = QualityRule(BETA, largest=100.0)
    factory = QualityWeightedMean(FixedPoint(16, 8.0), 5, rule, decimals=2)
    value_type = tff.to_type([tff.TensorType(np.float32, (4,))])
    process = factory.create(value_type)
    initial_type = process.initialize.type_signature.result

    @tff.federated_computation(initial_type, tff.FederatedType(value_type, tff.CLIENTS))
    def next_round(state, updates):
        output = process.next(state, updates)
        return output.state, tff.federated_zip((output.result, output.measurements))

    return process.initialize, next_round


def as_values(updates):
    return [[np.array(update, np.float32)] for update in updates]


MAJORITY = 3  # of five clients, of whom two drop out
PROTOCOLS = {
    "authority": lambda: QualityProtocol(QualitySum(), DoubleMasking()),
    "dkg": lambda: QualityProtocol(QualitySum(key_setup="dkg"), DoubleMasking()),
    "hardened": lambda: QualityProtocol(HardenedQualitySum(threshold=MAJORITY), DoubleMasking()),
    "one for all": lambda: DoubleMasking(CompleteGraph(MAJORITY)),
}


# The weight sum alone by homomorphic encryption, all else by masks: a session each.
WEIGHT_SUMS = {
    "masks and ElGamal": lambda: weights_by(ElGamalSum()),
    "masks and Paillier": lambda: weights_by(PaillierSum()),
}


def weights_by(protocol):
    masks = DoubleMasking()
    return BoundProtocols(bitwidth=masks, max_input=protocol, modular=masks)


@pytest.mark.parametrize("name", [*PROTOCOLS, *WEIGHT_SUMS])
def test_two_rounds_by_hand(mean, name):
    initialize, next_round = mean
    with secure_sums((PROTOCOLS | WEIGHT_SUMS)[name]()) as context:
        # Round 1: there is no last gradient, and the plain mean of equal updates is the update.
        state, (first, measured) = next_round(initialize(), as_values([LAST_UPDATE] * 3))
        np.testing.assert_array_equal(first[0], np.float32(LAST_UPDATE))
        assert measured["weight_sum"] == 3.0
        assert math.isnan(measured["global_distance"])
        # Round 2: (15), (24).
        state, (second, measured) = next_round(state, as_values(map(update_of, CLIENTS)))
        total = sum(QUALITIES.values())
        expected = [
            sum(QUALITIES[client] * update_of(client)[d] for client in CLIENTS) / total
            for d in range(4)
        ]
        np.testing.assert_array_equal(second[0], np.float32(expected))
        assert measured["weight_sum"] == pytest.approx(total / 100)
        difference = math.dist(expected, LAST_UPDATE) / math.hypot(*LAST_UPDATE)
        assert measured["global_distance"] == pytest.approx(difference, rel=1e-6)
        assert context.last_round.survivors == (0, 1, 2)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_dropouts_leave_the_weighted_mean_of_the_survivors(mean, name):
    initialize, next_round = mean
    updates = [*map(update_of, CLIENTS), [7.0, 7.0, 7.0, 7.0], [-7.0, 0.0, 7.0, 1.0]]
    with secure_sums(PROTOCOLS[name]()) as context:
        state, _ = next_round(initialize(), as_values([LAST_UPDATE] * 5))
        context.plan_round(range(5), {3: "masked input", 4: "share keys"})
        _, (survivors, _) = next_round(state, as_values(updates))
        assert context.last_round.survivors == (0, 1, 2)
        _, (alone, _) = next_round(state, as_values(updates[:3]))
        np.testing.assert_array_equal(survivors[0], alone[0])


def test_several_numbers_to_encrypt_are_refused():
    pair = Slot("max_input", bound=5, shape=(2,), dtype=np.dtype(np.int64))
    with pytest.raises(RunError, match="takes one, the client's quality"):
        PROTOCOLS["authority"]().check([pair])


def test_a_falling_learning_rate_is_taken_out_of_both_gradients():
    # Training half as fast from one round to the next halves updates, and changes no quality.
    halved = [0.5 * change for change in update_of(1)]
    update, last = [tf.constant(halved, tf.float32)], [tf.constant(LAST_UPDATE, tf.float32)]
    rule = QualityRule(BETA, decay=(1.0, 0.5), largest=100.0)
    plain = quality(update_of(1), LAST_UPDATE)
    assert float(rule.quality(update, last, tf.constant(1))) == pytest.approx(plain, rel=1e-6)
    # The last factor stays.
    later = [tf.constant([0.5 * change for change in LAST_UPDATE], tf.float32)]
    assert float(rule.quality(update, later, tf.constant(5))) == pytest.approx(plain, rel=1e-6)
