"""Why networks with batch normalisation are refused: what TFF 0.87 makes of one."""

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_health.clear_sums import clear_context

SPEC = (tf.TensorSpec((None, 2)), tf.TensorSpec((None,), tf.int32))
START = [0.0, 0.0, 1.0, 1.0]  # moving means, moving variances


@tf.autograph.experimental.do_not_convert
def model_fn():
    layers = [
        tf.keras.layers.InputLayer(2),
        tf.keras.layers.BatchNormalization(momentum=0.5),
        tf.keras.layers.Dense(2),
    ]
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return tff.learning.models.from_keras_model(tf.keras.Sequential(layers), loss, SPEC)


def test_moving_statistics_never_leave_their_start(tff_context):
    rng = np.random.default_rng(0)
    features = rng.normal(50, 9, (40, 2)).astype(np.float32)  # far from mean 0 and variance 1
    data = [
        tf.data.Dataset.from_tensor_slices((features, np.arange(40) % 2))
        .map(lambda x, y: (x, tf.cast(y, tf.int32)))
        .batch(10)
    ] * 3
    process = tff.learning.algorithms.build_weighted_fed_avg(
        model_fn, client_optimizer_fn=tff.learning.optimizers.build_sgdm(0.01)
    )
    with tff.framework.get_context_stack().install(clear_context(tff_context)):
        state = process.initialize()
        for _ in range(3):
            state = process.next(state, data).state
        weights = process.get_model_weights(state)
    assert np.concatenate(weights.non_trainable).tolist() == START
    assert np.abs(weights.trainable[2]).max() > 0
