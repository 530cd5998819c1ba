"""A stock TFF training process whose sums are computed by double masking."""

from tff_health import silence_libraries

silence_libraries()  # before TensorFlow tells of GPUs that are not there

import tensorflow as tf
import tensorflow_federated as tff

from crypto import DoubleMasking, FixedPoint
from tff_health import WeightedFixedPointMean, WeightEncoding, secure_sums

images = tf.random.stateless_uniform((40, 4), seed=(0, 0))
labels = tf.cast(images[:, 0] > 0.5, tf.int32)
hospitals = [tf.data.Dataset.from_tensor_slices((images, labels)).batch(10)] * 5


def model_fn():
    """Returns a TFF model of one dense layer."""
    layers = [tf.keras.layers.InputLayer((4,)), tf.keras.layers.Dense(2)]
    return tff.learning.models.from_keras_model(
        tf.keras.Sequential(layers),
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        input_spec=hospitals[0].element_spec,
    )


process = tff.learning.algorithms.build_weighted_fed_avg(
    model_fn,
    client_optimizer_fn=tff.learning.optimizers.build_sgdm(0.1),
    model_aggregator=WeightedFixedPointMean(
        FixedPoint(fraction_bits=20, clip_range=4.0),  # of updates
        num_clients=5,
        weights=WeightEncoding(largest=10_000),  # examples of a hospital
    ),
)
with secure_sums(DoubleMasking()) as context:
    state = process.initialize()
    for number in range(3):
        context.plan_round(clients=range(5), dropouts={number: "masked input"})
        state = process.next(state, hospitals).state
        print(context.last_round.survivors, context.last_round.costs.bytes_up)
