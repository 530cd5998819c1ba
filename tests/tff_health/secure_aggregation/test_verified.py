"""Settings with `verify`: the same sums behind TFF's words, and clients that checked them."""

import dataclasses

import numpy as np
import pytest

from crypto.protocols.verified_sum.joint import VerifiedJoint
from crypto.protocols.verified_sum.masking import VerifiedMasking
from crypto.session.faults import Alter, Fault
from crypto.session.secure_sum import SessionAbortedError
from tff_health.secure_aggregation.bindings import BINDINGS, ProtocolSettings
from tff_health.secure_aggregation.protocols import RoundPlan
from tff_health.secure_aggregation.slots import Slot

CLIENTS = (0, 1, 2, 5)
INT32, INT64 = np.dtype(np.int32), np.dtype(np.int64)
QUALITY = Slot("max_input", 100, (), INT64)
MASKED = (
    Slot("bitwidth", 2, (), INT32),
    Slot("modular", 2**20, (5,), INT32),
    Slot("bitwidth", 2**17, (2, 2), INT64),
    Slot("modular", 1000, (3,), INT32),
    Slot("modular", 2**4, (1,), INT32),
)
PROTOCOLS = ("double_masking", "quality_sum", "hardened_quality_sum")


def settings(**chosen):
    return ProtocolSettings(dropout_rate=0.0, value_bits=20, **chosen)


def tensors(slots, seed=0):
    """Of integers modulo a power of two, numbers around 0 whose sum does not wrap."""
    rng = np.random.default_rng(seed)

    def one(slot):
        if slot.is_power_of_two_sum:
            most = (slot.bound // 2 - 1) // len(CLIENTS)
            return rng.integers(-most, most + 1, slot.shape).astype(slot.dtype)
        return np.asarray(rng.integers(0, slot.bound, slot.shape), slot.dtype)

    return {client: [one(slot) for slot in slots] for client in CLIENTS}


def slots_of(name, quality):
    return (QUALITY, *MASKED) if quality and name != "double_masking" else MASKED


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("quality", [True, False])
@pytest.mark.parametrize("dropouts", [{}, {1: "masked input"}, {5: "verification"}])
def test_sums_are_those_without(name, quality, dropouts):
    slots = slots_of(name, quality)
    given = tensors(slots)
    verified = BINDINGS[name].build(settings(verify=True))
    outcome = verified.sum(slots, given, RoundPlan(1, CLIENTS, dropouts))
    kept = {c: stage for c, stage in dropouts.items() if stage != "verification"}
    plain = BINDINGS[name].build(settings()).sum(slots, given, RoundPlan(1, CLIENTS, kept))
    assert outcome.survivors == plain.survivors
    for mine, other in zip(outcome.sums, plain.sums, strict=True):
        assert (mine.dtype, mine.shape) == (other.dtype, other.shape)
        np.testing.assert_array_equal(mine, other)
    assert outcome.verified_by == tuple(c for c in CLIENTS if c not in dropouts)
    assert plain.verified_by is None


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_setting_makes_every_protocol_of_a_scheme_a_verified_one(name):
    slots = (slots_of(name, True), MASKED)
    for verify in (True, False):
        built = BINDINGS[name].build(settings(verify=verify))
        protocols = [session.protocol for some in slots for session in built.sessions(some)]
        kinds = {isinstance(protocol, VerifiedMasking | VerifiedJoint) for protocol in protocols}
        assert kinds == {verify}
        assert ("commitment" in built.stages) == verify


@pytest.mark.parametrize("name", ["quality_sum", "double_masking"])
def test_what_passes_unnoticed_without_ends_a_verified_session(name):
    def flip(data):
        place = 50  # of the first coordinates, behind what names session and sender
        return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]

    fault = Fault(Alter(flip), "masked input", 2, "server")
    unsigned = {"signatures": False} if name == "double_masking" else {}
    given = tensors(MASKED)
    plan = dataclasses.replace(RoundPlan(1, CLIENTS), faults=[fault])
    plain = BINDINGS[name].build(settings(**unsigned)).sum(MASKED, given, plan)
    assert plain.refusals == ()
    with pytest.raises(SessionAbortedError, match="does not open"):
        BINDINGS[name].build(settings(verify=True, **unsigned)).sum(MASKED, given, plan)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_small_sums_get_the_bits_that_what_opens_them_takes(name):
    ones = (Slot("bitwidth", 2, (3,), INT32),)
    given = {client: [np.array([0, 1, 1], np.int32)] for client in CLIENTS}
    outcome = BINDINGS[name].build(settings(verify=True)).sum(ones, given, RoundPlan(1, CLIENTS))
    np.testing.assert_array_equal(outcome.sums[0], [0, 4, 4])
    assert outcome.verified_by == CLIENTS
