"""Membership inference: finds what leaks, nothing where nothing does, says how certain."""

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

from tff_health.attacks.membership import MembershipResult, Outputs, infer_membership
from tff_health.attacks.roc import Roc

CLASSES = 5


def leaking(count, gain, seed):
    """Outputs of a model that is more certain of members, by `gain`."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, CLASSES, 2 * count)
    logits = draw.normal(size=(2 * count, CLASSES))
    logits[np.arange(count), labels[:count]] += gain
    logits[np.arange(2 * count), labels] += 1
    logits = logits.astype(np.float32)
    return Outputs(logits[:count], labels[:count]), Outputs(logits[count:], labels[count:])


def attacks(result: MembershipResult):
    return result.threshold, result.trained


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_overfit_model_is_found_out_and_not_by_those_it_never_saw():
    draw = np.random.default_rng(0)
    inputs = draw.normal(size=(600, 20))
    labels = (inputs[:, 0] + draw.normal(size=600) > 0).astype(int)
    model = MLPClassifier((100,), max_iter=200, alpha=0, random_state=0)
    model.fit(inputs[:200], labels[:200])
    logits = np.log(np.clip(model.predict_proba(inputs), 1e-12, 1)).astype(np.float32)
    parts = [Outputs(logits[i : i + 200], labels[i : i + 200]) for i in (0, 200, 400)]
    for attack in attacks(infer_membership(parts[0], parts[1])):
        assert attack.found.auc > 0.65
        assert attack.found.auc - 4 * attack.errors.auc > 0.5
    for attack in attacks(infer_membership(parts[1], parts[2])):
        assert abs(attack.found.auc - 0.5) < 4 * attack.errors.auc


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nothing_is_found_where_nothing_leaks(seed):
    result = infer_membership(*leaking(1000, 0, seed))
    for attack in attacks(result):
        assert 0.45 < attack.found.auc < 0.55
        assert 0 < attack.found.advantage < 1.5 * result.chance_advantage
        assert 0.010 < attack.errors.auc < 0.016  # sqrt(1 / (6 * 1000)) = 0.0129


def test_a_perfect_leak_gives_one():
    result = infer_membership(*leaking(100, 100, 0))
    for attack in attacks(result):
        assert (attack.found.auc, attack.found.advantage) == pytest.approx((1, 1))
        assert attack.found.tpr_at_low_fpr == 1
        assert attack.errors.auc == pytest.approx(0)


def test_losses_that_float32_probabilities_cannot_tell_apart_still_leak():
    labels = np.zeros(50, int)
    sure, surer = np.zeros((50, 2), np.float32), np.zeros((50, 2), np.float32)
    sure[:, 0], surer[:, 0] = 60, 61
    result = infer_membership(Outputs(surer, labels), Outputs(sure, labels))
    assert result.threshold.found.auc == 1


def test_tensorflow_privacy_finds_the_same():
    """Known answers of tensorflow-empirical-privacy 0.1.0 to the same outputs."""
    result = infer_membership(*leaking(500, 0.7, 1))
    assert result.threshold.name == "loss"
    assert result.threshold.found.auc == pytest.approx(0.673992, abs=1e-6)
    assert result.threshold.found.advantage == pytest.approx(0.246, abs=1e-6)
    # Its folds are drawn otherwise; it found 0.703 and 0.32.
    assert result.trained.found.auc == pytest.approx(0.703, abs=0.05)
    assert result.trained.found.advantage == pytest.approx(0.32, abs=0.06)
    result = infer_membership(*leaking(500, 0, 0))
    assert result.threshold.name == "entropy"
    assert result.threshold.found.auc == pytest.approx(0.50234, abs=1e-6)


def test_sizes_are_balanced_and_a_seed_decides():
    member, other = leaking(400, 0.5, 0)
    fewer = Outputs(other.logits[:150], other.labels[:150])
    first = infer_membership(member, fewer, seed=3)
    assert (first.members, first.others) == (150, 150)
    assert first == infer_membership(member, fewer, seed=3)
    assert first != infer_membership(member, fewer, seed=4)


def test_measures_of_a_curve_by_hand():
    # Above 3: a positive; above 2: a tie of one each; then a negative.
    found = Roc(np.array([3.0, 2.0]), np.array([2.0, 1.0])).measures()
    assert found.auc == pytest.approx((2 + 0.5 + 1) / 4)
    assert found.advantage == 0.5
    assert found.tpr_at_low_fpr == 0.5


LOGITS, LABELS = np.zeros((30, 3), np.float32), np.zeros(30, int)


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (LOGITS[:, 0], LABELS, "classes"),
        (LOGITS[:, :1], LABELS, "classes"),
        (LOGITS.astype(int), LABELS, "float"),
        (LOGITS, LABELS[:29], r"integers \(30,\)"),
        (LOGITS, LABELS.astype(float), "integers"),
        (LOGITS, LABELS + 3, "labels 3 to 3"),
        (LOGITS, LABELS - 1, "labels -1"),
        (LOGITS[:19], LABELS[:19], "20 or more"),
        (LOGITS * np.nan, LABELS, "90 logits are not finite"),
    ],
)
def test_bad_outputs_are_refused(logits, labels, message):
    with pytest.raises(ValueError, match=message):
        Outputs(logits, labels)


def test_outputs_of_different_models_are_refused():
    with pytest.raises(ValueError, match="3 classes, others of 2"):
        infer_membership(Outputs(LOGITS, LABELS), Outputs(LOGITS[:, :2], LABELS))
