"""Slow and obvious ways to the same sums, and the networks that they are compared on."""

import numpy as np
import tensorflow as tf
from tensorflow_privacy.privacy.fast_gradient_clipping import clip_grads

from tff_health.privacy.layer_rules import layer_registry

CLASSES = 3


def losses_of(labels, outputs):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs)


def small_batch(model, n, seed=0):
    """Returns n random images and labels for a model."""
    rng = np.random.default_rng(seed)
    images = rng.normal(size=(n, *model.input_shape[1:])).astype(np.float32)
    return tf.constant(images), tf.constant(rng.integers(0, CLASSES, n), tf.int32)


def randomise(model, seed=0):
    """Sets weights that are nowhere zero or one, as biases and scales are at first."""
    rng = np.random.default_rng(seed)
    model.set_weights(
        [rng.normal(scale=0.4, size=w.shape).astype(np.float32) for w in model.get_weights()]
    )
    return model


def gradient_rows(model, images, labels):
    """Returns the gradient of every example as a row, by the definition: a Jacobian."""
    with tf.GradientTape(persistent=True) as tape:
        losses = losses_of(labels, model(images, training=True))
    jacobian = tape.jacobian(
        losses,
        model.trainable_variables,
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
        experimental_use_pfor=len(images) > 8,
    )
    return np.concatenate([np.reshape(j, (len(images), -1)) for j in jacobian], axis=1)


def clip_rows(rows, clipping_norm):
    norms = np.linalg.norm(rows.astype(np.float64), axis=1)
    factors = np.minimum(1.0, clipping_norm / np.maximum(norms, 1e-30))
    return (rows * factors[:, np.newaxis]).sum(axis=0)


def flat(tensors):
    """Returns a list of tensors as one vector."""
    return np.concatenate([np.ravel(tensor) for tensor in tensors])


def registry_norms(model, images, labels):
    """Returns the norms of all examples' gradients by TF Privacy's walk with our rules."""
    return clip_grads.compute_gradient_norms(
        model,
        layer_registry(),
        images,
        labels,
        per_example_loss_fn=lambda labels, outputs, _weights: losses_of(labels, outputs),
    )


def registry_clipped_sum(model, images, labels, clipping_norm):
    """Returns the clipped sum by norms and a second pass with weighted losses."""
    norms = registry_norms(model, images, labels)
    weights = clip_grads.compute_clip_weights(clipping_norm, norms)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(weights * losses_of(labels, model(images, training=True)))
    return tape.gradient(loss, model.trainable_variables)
