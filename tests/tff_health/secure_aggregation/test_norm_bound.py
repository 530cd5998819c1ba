"""Settings with `norm_bound`: which numbers of a round it is of, and that it is enforced."""

import numpy as np
import pytest

from crypto.errors import ParameterError
from crypto.norm_proofs.parameters import NormBound
from tff_health.errors import RunError
from tff_health.secure_aggregation.bindings import BINDINGS, ProtocolSettings
from tff_health.secure_aggregation.protocols import RoundPlan
from tff_health.secure_aggregation.slots import Slot

CLIENTS = (0, 1, 2, 5)
INT32, INT64 = np.dtype(np.int32), np.dtype(np.int64)
QUALITY = Slot("max_input", 20, (), INT64)
METRIC = Slot("bitwidth", 2**17, (2,), INT64)
UPDATES = (Slot("modular", 2**20, (5, 2), INT32), Slot("modular", 2**20, (3,), INT32))
PROTOCOLS = ("double_masking", "quality_sum", "hardened_quality_sum")
BOUND = 1000


def build(name, **chosen):
    chosen = {"verify": True, "norm_bound": BOUND / 2**4, "fraction_bits": 4} | chosen
    return BINDINGS[name].build(ProtocolSettings(dropout_rate=0.0, value_bits=20, **chosen))


def tensors(slots, number):
    """Of every client the same number in all coordinates of updates."""
    return {
        client: [
            np.full(slot.shape, number % slot.bound if slot in UPDATES else 1, slot.dtype)
            for slot in slots
        ]
        for client in CLIENTS
    }


@pytest.mark.parametrize("name", PROTOCOLS)
def test_updates_within_the_bound_are_summed_and_larger_ones_are_refused(name):
    slots = (METRIC, *UPDATES) if name == "double_masking" else (METRIC, QUALITY, *UPDATES)
    most = int(BOUND / 13**0.5)
    for number in (most, -most):
        outcome = build(name).sum(slots, tensors(slots, number), RoundPlan(1, CLIENTS))
        assert outcome.survivors == outcome.verified_by == CLIENTS
        np.testing.assert_array_equal(outcome.sums[-1], np.full(3, 4 * number % 2**20))
    with pytest.raises(ParameterError, match="above the bound"):
        build(name).sum(slots, tensors(slots, most + 1), RoundPlan(1, CLIENTS))


@pytest.mark.parametrize("name", PROTOCOLS)
def test_sums_without_updates_have_no_bound(name):
    (session,) = build(name).sessions((METRIC,))
    assert session.norm(4) is None
    (session,) = build(name, norm_bound=0.0).sessions((METRIC, *UPDATES))
    assert session.norm(4) is None
    (session,) = build(name, verify=False).sessions((METRIC, *UPDATES))
    assert session.norm(4) is None


def test_the_bound_is_of_integers_as_they_stand_in_the_vector():
    (session,) = build("double_masking").sessions((METRIC, *UPDATES))
    assert session.bits(4) == 20
    assert session.norm(4) == NormBound(13, BOUND)
    wide = Slot("bitwidth", 2**24, (1,), INT64)
    (session,) = build("double_masking").sessions((wide, *UPDATES))
    scale = session.bits(4) - 20
    assert scale > 0
    assert session.norm(4) == NormBound(13, BOUND << scale)


@pytest.mark.parametrize(
    "slots", [(*UPDATES, METRIC), (Slot("modular", 2**8, (1,), INT32), *UPDATES)]
)
def test_updates_that_are_not_the_end_of_vectors_or_of_several_moduli(slots):
    (session,) = build("double_masking").sessions(slots)
    with pytest.raises(RunError, match="a bound on norms needs"):
        session.norm(4)
