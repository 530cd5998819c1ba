"""What hostile clients send, in TensorFlow and behind TFF's words, and who is refused."""

import numpy as np
import pytest
import tensorflow as tf

from tff_health.hostile import updates
from tff_health.hostile.attack import Attack
from tff_health.hostile.uploads import Uploads
from tff_health.secure_aggregation.slots import Slot, read_updates

HOSTILE = (2, 5)
UPDATE = [np.array([[3.0, -1.0]], np.float32), np.arange(4, dtype=np.float32)]
FRACTION_BITS, BITS = 10, 40
SLOTS = (
    Slot("bitwidth", 2, (), np.dtype(np.int32)),
    Slot("max_input", 1000, (), np.dtype(np.int64)),
    Slot("modular", 2**BITS, (2, 50), np.dtype(np.int64)),
)


def attack(kind, strength=10.0, norm=0.0, keeps=False, seed=0):
    return Attack(kind, HOSTILE, strength, norm, keeps, seed)


def sent(given, client, round_number=1):
    (mark,) = updates.marks(given)({"client": client, "round": round_number})
    return [tensor.numpy() for tensor in updates.sent(given, UPDATE, mark)]


def length(tensors):
    return np.sqrt(sum((tensor.astype(float) ** 2).sum() for tensor in tensors))


@pytest.mark.parametrize("kind", ["scale", "noise", "label_flip", "backdoor"])
@pytest.mark.parametrize("keeps", [True, False])
def test_honest_clients_send_what_they_trained(kind, keeps):
    found = sent(attack(kind, norm=0.1, keeps=keeps), client=3)
    for ours, given in zip(found, UPDATE, strict=True):
        np.testing.assert_array_equal(ours, given)


def test_a_scaled_update_is_the_update_times_the_strength():
    for ours, given in zip(sent(attack("scale", 7.0), 2), UPDATE, strict=True):
        np.testing.assert_array_equal(ours, 7 * given)


def test_noise_is_as_long_as_it_should_be_and_another_one_each_time():
    found = [
        sent(attack("noise", 4.0, seed=seed), client, number)
        for client in HOSTILE
        for number in (1, 2)
        for seed in (0, 1)
    ]
    assert len({tensors[1].tobytes() for tensors in found}) == 8
    for tensors in found:
        assert length(tensors) == pytest.approx(4 * length(UPDATE), rel=1e-5)
    again = sent(attack("noise", 4.0), 2)
    assert again[0].tobytes() == found[0][0].tobytes()  # a resumed run is the same


def test_noise_has_no_direction():
    (mark,) = updates.marks(attack("noise"))({"client": 2, "round": 1})
    long = [tf.ones(20_000), tf.ones(20_000)]
    drawn = np.concatenate([t.numpy() for t in updates.sent(attack("noise"), long, mark)])
    assert abs(drawn.mean()) < 4 * 10 / np.sqrt(len(drawn))
    assert drawn.std() == pytest.approx(10, rel=0.02)
    assert abs(np.corrcoef(drawn[:20_000], drawn[20_000:])[0, 1]) < 0.03


@pytest.mark.parametrize("kind", ["scale", "noise", "label_flip", "backdoor"])
def test_attackers_who_keep_to_a_norm_are_no_longer(kind):
    assert length(sent(attack(kind, norm=2.0, keeps=True), 5)) == pytest.approx(2.0, rel=1e-5)
    assert attack(kind, norm=2.0, keeps=True).changes_updates


def contribution(update, weight):
    residues = np.rint(np.asarray(update) * 2**FRACTION_BITS).astype(np.int64) * weight
    return [np.array(1, np.int32), np.array(weight, np.int64), residues.reshape(2, 50) % 2**BITS]


def given(norms, weight=3):
    rng, found = np.random.default_rng(0), {}
    for client, norm in norms.items():
        direction = rng.normal(size=100)
        found[client] = contribution(direction / np.linalg.norm(direction) * norm, weight)
    return found


def test_who_exceeds_the_norm_is_refused_when_it_uploads_and_nothing_is_changed():
    tensors = given({0: 0.5, 1: 1.0, 2: 1.2, 3: 30.0})
    changed, refused = Uploads(attack("scale", norm=1.0), FRACTION_BITS).change(SLOTS, tensors)
    assert refused == {2: "masked input", 3: "masked input"}
    assert all(changed[client] is tensors[client] for client in tensors)
    _, refused = Uploads(attack("scale"), FRACTION_BITS).change(SLOTS, tensors)
    assert refused == {}


def test_a_liar_claims_the_largest_weight_for_the_same_update():
    tensors = given({0: 1.0, 2: 1.0, 5: 2.0})
    changed, refused = Uploads(attack("lie"), FRACTION_BITS).change(SLOTS, tensors)
    assert refused == {}
    assert changed[0] is tensors[0]
    for client in HOSTILE:
        before, after = (read_updates(SLOTS, t[client]) for t in (tensors, changed))
        assert (before.weight, after.weight) == (3, 999)
        np.testing.assert_allclose(after.update, before.update, atol=1e-9)
        assert changed[client][0] == 1


def test_computations_without_updates_are_left_alone():
    tensors = {2: [np.array(1, np.int32)]}
    changed, refused = Uploads(attack("lie", norm=1.0), FRACTION_BITS).change(SLOTS[:1], tensors)
    assert (changed, refused) == (tensors, {})
