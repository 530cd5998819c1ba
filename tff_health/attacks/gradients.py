"""Gradients as an attacker computes them: of the mean loss over a few images."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tff_health.data.scaling import TO_UNIT, Scaling

Gradient: TypeAlias = Sequence[NDArray[Any]]
"""Arrays shaped as the trainable variables of a model, in their order."""

_BRIGHTEST = 255.0  # `Scaling` takes pixels in 0..255, whole or not


def mean_gradient(
    model: tf.keras.Model,
    images: NDArray[np.float32],
    labels: NDArray[np.integer[Any]],
    scaling: Scaling = TO_UNIT,
) -> list[NDArray[np.float32]]:
    """The gradient that one client descends along in one step: of the mean cross-entropy.

    Args:
        model: gives logits; called as in evaluation, so it must have no batch normalisation or
            dropout layers for this to be the client's gradient.
        images: float32 (k, height, width, channels) in [0, 1].
        labels: integers (k,), true classes.
        scaling: of the images, as in training.

    Returns:
        float32 arrays shaped as the model's trainable variables.
    """
    pixels, classes = tf.constant(images, tf.float32), tf.constant(labels, tf.int64)
    return [gradient.numpy() for gradient in tensors(model, pixels, classes, scaling)]


def tensors(
    model: tf.keras.Model, images: tf.Tensor, labels: tf.Tensor, scaling: Scaling
) -> list[tf.Tensor]:
    """`mean_gradient` of tensors; can be differentiated by the images once more."""
    with tf.GradientTape() as tape:
        logits = model(scaling.scale(_BRIGHTEST * images), training=False)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        loss = tf.reduce_mean(losses)
    found: list[tf.Tensor] = tape.gradient(
        loss, model.trainable_variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    return found


def infer_label(gradient: Gradient) -> int:
    """The class of the one image that a gradient comes from, read off the last layer.

    The cross-entropy's gradient by the logits is softmax minus one-hot: negative for the true class
    alone. A bias shows it as it is. The columns of a kernel are multiples of it, so that the true
    class's column points away from all others.

    Args:
        gradient: of the loss of one image; its last array is that of the bias (classes,) or of the
            kernel (features, classes) that makes the logits.

    Returns:
        the class; an arbitrary one if the gradient is noise.

    Raises:
        ValueError: if the last array is neither.

    Source: Zhao, Mopuri and Bilen 2020, "iDLG: Improved deep leakage from gradients".
    """
    last = np.asarray(gradient[-1], np.float64)
    if last.ndim == 1:
        return int(last.argmin())
    if last.ndim == 2:
        products = last.T @ last
        return int((products.sum(axis=1) - np.diag(products)).argmin())
    raise ValueError(
        "a label is inferred from the bias or kernel of a dense last layer, but the last array has "
        f"shape {last.shape}: give the labels"
    )


def check_gradient(gradient: Gradient, shapes: Sequence[tuple[int, ...]]) -> None:
    """Refuses what is no gradient of a model with variables of these shapes.

    Raises:
        ValueError: if the number of arrays or a shape differs, if a number is not finite, or if all
            are zero.
    """
    found = [np.shape(array) for array in gradient]
    if found != list(shapes):
        raise ValueError(f"arrays of shapes {found} do not fit a model with {list(shapes)}")
    beyond = sum(int(np.count_nonzero(~np.isfinite(array))) for array in gradient)
    if beyond:
        raise ValueError(f"{beyond} numbers of the gradient are not finite")
    if not any(np.any(array) for array in gradient):
        raise ValueError("the gradient is zero throughout: it points nowhere")
