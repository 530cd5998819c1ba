import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.data.pixels import StoredPixels
from tff_health.data.preparation import views
from tff_health.local.evaluation import Evaluator, evaluate_logits


def logits_for(predicted, classes=3, margin=4.0):
    logits = np.zeros((len(predicted), classes), np.float32)
    logits[np.arange(len(predicted)), predicted] = margin
    return logits


def test_metrics_of_a_hand_counted_example():
    labels = np.array([0, 0, 0, 0, 0, 0, 1, 1, 2, 2], np.uint8)
    predicted = np.array([0, 0, 0, 0, 0, 1, 1, 0, 2, 0])
    result = evaluate_logits(logits_for(predicted), labels, 3)
    np.testing.assert_array_equal(result.confusion, [[5, 1, 0], [1, 1, 0], [1, 0, 1]])
    np.testing.assert_allclose(result.recall, [5 / 6, 1 / 2, 1 / 2])
    assert result.accuracy == pytest.approx(0.7)
    assert result.majority_accuracy == pytest.approx(0.6)
    assert result.balanced_accuracy == pytest.approx((5 / 6 + 1 / 2 + 1 / 2) / 3)
    # Precisions are 5/7, 1/2 and 1.
    f1 = [2 * p * r / (p + r) for p, r in ((5 / 7, 5 / 6), (1 / 2, 1 / 2), (1, 1 / 2))]
    assert result.macro_f1 == pytest.approx(np.mean(f1))
    right, wrong = -np.log(np.exp(4) / (np.exp(4) + 2)), -np.log(1 / (np.exp(4) + 2))
    assert result.loss == pytest.approx((7 * right + 3 * wrong) / 10, rel=1e-6)


def test_auc_is_one_for_a_perfect_model_and_half_for_a_blind_one():
    labels = np.arange(30, dtype=np.uint8) % 3
    assert evaluate_logits(logits_for(labels), labels, 3).auc == 1.0
    assert evaluate_logits(np.zeros((30, 3), np.float32), labels, 3).auc == 0.5


def test_classes_that_do_not_occur_do_not_count():
    labels = np.array([0, 0, 1, 1], np.uint8)
    result = evaluate_logits(logits_for(labels, classes=4), labels, 4)
    assert np.isnan(result.recall[2:]).all()
    assert result.balanced_accuracy == result.macro_f1 == result.auc == 1.0


def test_predicting_an_absent_class_lowers_macro_f1():
    labels = np.array([0, 0, 1, 1], np.uint8)
    result = evaluate_logits(logits_for(np.array([0, 0, 1, 2]), classes=3), labels, 3)
    assert result.macro_f1 == pytest.approx((1 + 2 / 3 + 0) / 3)


def test_one_class_alone_has_no_auc():
    labels = np.zeros(4, np.uint8)
    assert np.isnan(evaluate_logits(logits_for(labels), labels, 3).auc)


def test_a_diverged_model_is_judged_not_refused():
    labels = np.array([0, 0, 1, 1], np.uint8)
    result = evaluate_logits(np.full((4, 3), np.nan, np.float32), labels, 3)
    assert result.accuracy == 0.5
    assert np.isnan(result.loss)
    assert np.isnan(result.auc)


def test_huge_logits_do_not_overflow():
    labels = np.array([0, 1], np.uint8)
    result = evaluate_logits(np.array([[1e30, -1e30], [-1e30, 1e30]], np.float32), labels, 2)
    assert result.loss == 0.0


def test_answers_are_means_over_an_images_symmetries():
    def corner():  # sees the top left pixel alone
        return tf.keras.Sequential(
            [
                tf.keras.layers.InputLayer((4, 4, 1)),
                tf.keras.layers.Flatten(),
                tf.keras.layers.Dense(2),
            ]
        )

    kernel = np.zeros((16, 2), np.float32)
    kernel[0, 1] = 4.0
    weights = tff.learning.models.ModelWeights(
        trainable=[kernel, np.zeros(2, np.float32)], non_trainable=[]
    )
    pixels = np.zeros((1, 4, 4, 1), np.uint8)
    pixels[0, -1, -1] = 255  # in the top left corner in two symmetries of eight
    labels = np.ones(1, np.uint8)
    plain = Evaluator(corner(), pixels, labels, 2).evaluate(weights)
    mean = Evaluator(corner(), pixels, labels, 2, flips=True).evaluate(weights)
    high = 1 / (1 + np.exp(-4.0))
    assert np.exp(-plain.loss) == pytest.approx(0.5, rel=1e-5)
    assert np.exp(-mean.loss) == pytest.approx((6 * 0.5 + 2 * high) / 8, rel=1e-5)


@pytest.mark.parametrize("flips", [False, True])
def test_answers_are_means_over_rotated_and_scaled_views(flips):
    rng = np.random.default_rng(0)
    layers = [tf.keras.layers.Flatten(), tf.keras.layers.Dense(3)]
    model = tf.keras.Sequential([tf.keras.layers.InputLayer((6, 6, 1)), *layers])
    kernel = rng.normal(size=(36, 3)).astype(np.float32)
    bias = np.zeros(3, np.float32)
    weights = tff.learning.models.ModelWeights(trainable=[kernel, bias], non_trainable=[])
    pixels = rng.integers(0, 256, (5, 6, 6, 1), np.uint8)
    labels = rng.integers(0, 3, 5).astype(np.uint8)
    found = Evaluator(model, pixels, labels, 3, flips=flips, rotations=True).evaluate(weights)
    seen = views(tf.constant(pixels / np.float32(255)), flips, rotations=True)
    assert len(seen) == (32 if flips else 4)
    answers = [tf.nn.softmax(view.numpy().reshape(5, 36) @ kernel).numpy() for view in seen]
    mean = np.mean(answers, axis=0)
    assert found.loss == pytest.approx(-np.log(mean[np.arange(5), labels]).mean(), rel=1e-4)
    assert found.accuracy == (mean.argmax(axis=1) == labels).mean()


def test_test_images_are_judged_alike_whether_held_or_read_in_pieces(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    model = tf.keras.Sequential(
        [tf.keras.layers.InputLayer((6, 6, 1)), tf.keras.layers.Flatten(), tf.keras.layers.Dense(3)]
    )
    weights = tff.learning.models.ModelWeights.from_model(model)
    pixels = rng.integers(0, 256, (40, 6, 6, 1), np.uint8)
    (tmp_path / "images.bin").write_bytes(pixels.tobytes())
    labels = rng.integers(0, 3, 40).astype(np.uint8)
    at_once = Evaluator(model, pixels, labels, 3).evaluate(weights)
    monkeypatch.setattr("tff_health.data.pixels._PIECE_BYTES", 7 * 36 * 4)
    stored = StoredPixels(tmp_path / "images.bin", pixels.shape)
    found = Evaluator(model, stored, labels, 3).evaluate(weights)
    assert found.loss == pytest.approx(at_once.loss, rel=1e-6)
    np.testing.assert_array_equal(found.confusion, at_once.confusion)


def test_a_mean_of_very_sure_answers_keeps_the_ranking_of_the_unlikely():
    def sure():
        return tf.keras.Sequential(
            [
                tf.keras.layers.InputLayer((4, 4, 1)),
                tf.keras.layers.Flatten(),
                tf.keras.layers.Dense(2),
            ]
        )

    kernel = np.zeros((16, 2), np.float32)
    kernel[:, 1] = 300.0  # probabilities of the other class underflow in float32
    weights = tff.learning.models.ModelWeights(
        trainable=[kernel, np.zeros(2, np.float32)], non_trainable=[]
    )
    pixels = np.array([100, 200, 150, 250], np.uint8)[:, None, None, None] * np.ones(
        (4, 4, 1), "u1"
    )
    result = Evaluator(sure(), pixels, np.array([0, 1, 0, 1], np.uint8), 2, flips=True).evaluate(
        weights
    )
    # One class is ranked perfectly; the other has the same probability, 1, everywhere.
    assert result.auc == 0.75
    assert np.isfinite(result.loss)
