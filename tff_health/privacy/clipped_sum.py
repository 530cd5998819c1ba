"""The sum of the clipped gradients of single examples, which DP-SGD adds its noise to.

Abadi et al. 2016, "Deep learning with differential privacy", algorithm 1. Replacing an example
changes the sum by at most twice the clipping norm, adding or removing one by at most the clipping
norm; noise is up to the caller.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow_privacy.privacy.fast_gradient_clipping import gradient_clipping_utils
from tensorflow_privacy.privacy.optimizers.dp_optimizer_keras_vectorized import (
    VectorizedDPKerasSGDOptimizer,
)

from tff_health.privacy.layer_checks import (
    RANDOM,
    check_layers,
    problems_of,
    raise_for,
    shared_variables,
)
from tff_health.privacy.layer_rules import RULES, LayerCall, laid_out
from tff_health.privacy.per_example import PerExample

__all__ = ["LossFn", "check_layers", "fast_clipped_sum", "tfp_clipped_sum"]

_CHUNK_NUMBERS = 2**26

LossFn = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""From labels and outputs to the losses of single examples, float32 (n,)."""


def fast_clipped_sum(
    model: tf.keras.Model,
    loss_fn: LossFn,
    images: tf.Tensor,
    labels: tf.Tensor,
    clipping_norm: float,
    chunk: int | None = None,
) -> list[tf.Tensor]:
    """Returns sum_i g_i min(1, clipping_norm / |g_i|) over the gradients g_i of the examples.

    One forward and one backward pass, in which the gradients of weights are not computed; norms
    and clipped sum follow from the inputs of layers and the gradients of their pre-activations
    (Bu et al. 2023, "Differentially private optimization on large model at small cost").

    An example whose gradient is not finite, or whose squared norm overflows, contributes nothing.

    Args:
        model: one that `check_layers` accepts for the engine "fast".
        loss_fn: from labels and outputs to losses, float32 (n,).
        images: float32 (n, ...); n may be unknown statically, and may be 0.
        labels: (n, ...).
        clipping_norm: largest L2 norm of what an example contributes, above 0.
        chunk: how many examples are worked on at once, which bounds the memory; None for
            `fast_chunk`.

    Returns:
        a tensor for each of `model.trainable_variables`, in their order and shapes.

    Raises:
        ConfigError: if a layer has no rule.
        ValueError: if losses are not in one dimension.
    """
    raise_for(model, problems_of(model, "fast"), "fast")
    chunk = chunk or fast_chunk(model)

    def of_chunk(images: tf.Tensor, labels: tf.Tensor) -> list[tf.Tensor]:
        found = _gradients(model, loss_fn, images, labels)
        norms = tf.sqrt(tf.add_n([gradients.squared_norms() for _, gradients in found]))
        lost = tf.logical_not(tf.math.is_finite(norms))
        coefficients = tf.where(lost, 0.0, clipping_norm / tf.maximum(norms, clipping_norm))

        def weighted(clean: Callable[[PerExample], PerExample]) -> list[tf.Tensor]:
            return [clean(gradients).weighted_sum(coefficients) for _, gradients in found]

        sums = tf.cond(
            tf.reduce_any(lost),  # 0 times what is not finite would not be 0
            lambda: weighted(lambda gradients: gradients.without(lost)),
            lambda: weighted(lambda gradients: gradients),
        )
        by_variable = {
            variable.ref(): total for (variable, _), total in zip(found, sums, strict=True)
        }
        return [
            by_variable[v.ref()] if v.ref() in by_variable else tf.zeros_like(v)
            for v in model.trainable_variables
        ]

    return _sum_of_chunks(of_chunk, model, images, labels, chunk)


def tfp_clipped_sum(
    model: tf.keras.Model,
    loss_fn: LossFn,
    images: tf.Tensor,
    labels: tf.Tensor,
    clipping_norm: float,
    chunk: int | None = None,
) -> list[tf.Tensor]:
    """Returns the same as `fast_clipped_sum` by TF Privacy's `VectorizedDPKerasSGDOptimizer`.

    It differentiates the loss of every example, which any layer allows, many times more slowly.
    A gradient that is not finite makes the sum so.

    Args:
        model: one that `check_layers` accepts for the engine "tfp_optimizer".
        loss_fn: from labels and outputs to losses, float32 (n,).
        images: float32 (n, ...); n may be unknown statically, and may be 0.
        labels: (n, ...).
        clipping_norm: largest L2 norm of what an example contributes, above 0.
        chunk: how many examples are worked on at once, which bounds the memory; it holds their
            gradients. None for up to 64, fewer for networks of more than a million weights.

    Returns:
        a tensor for each of `model.trainable_variables`, in their order and shapes.

    Raises:
        ConfigError: if a layer mixes examples.
        ValueError: if losses are not in one dimension.
    """
    raise_for(model, problems_of(model, "tfp_optimizer"), "tfp_optimizer")
    weights = sum(variable.shape.num_elements() for variable in model.trainable_variables)
    chunk = chunk or _chunk(64, weights)

    def of_chunk(images: tf.Tensor, labels: tf.Tensor) -> list[tf.Tensor]:
        # `num_microbatches=None` stands for as many as there are losses: one example in each.
        optimizer = VectorizedDPKerasSGDOptimizer(
            clipping_norm, 0.0, num_microbatches=None, unconnected_gradients_to_zero=True
        )
        # Not `minimize`, which would change the model.
        means = optimizer._compute_gradients(
            lambda: _losses(loss_fn, labels, model(images, training=True)),
            model.trainable_variables,
        )
        return [mean * tf.cast(tf.shape(images)[0], tf.float32) for mean, _ in means]

    return _sum_of_chunks(of_chunk, model, images, labels, chunk)


def fast_chunk(model: tf.keras.Model) -> int:
    """Returns how many examples `fast_clipped_sum` works on at once: 256, fewer in large networks.

    Args:
        model: built, for images of a fixed size.
    """
    return _chunk(256, 2 * laid_out(model))


def _chunk(most: int, numbers: int) -> int:
    """A number of examples of so many float32 each, for a quarter of a gigabyte."""
    return max(1, min(most, _CHUNK_NUMBERS // max(numbers, 1)))


def _sum_of_chunks(
    of_chunk: Callable[[tf.Tensor, tf.Tensor], list[tf.Tensor]],
    model: tf.keras.Model,
    images: tf.Tensor,
    labels: tf.Tensor,
    chunk: int,
) -> list[tf.Tensor]:
    images, labels = tf.convert_to_tensor(images), tf.convert_to_tensor(labels)

    def add(start: tf.Tensor, sums: list[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        part = of_chunk(images[start : start + chunk], labels[start : start + chunk])
        return start + chunk, [total + more for total, more in zip(sums, part, strict=True)]

    _, sums = tf.while_loop(
        lambda start, _: start < tf.shape(images)[0],
        add,
        (tf.constant(0), [tf.zeros(v.shape) for v in model.trainable_variables]),
        parallel_iterations=1,
    )
    return list(sums)


def _gradients(
    model: tf.keras.Model, loss_fn: LossFn, images: tf.Tensor, labels: tf.Tensor
) -> list[tuple[tf.Variable, PerExample]]:
    """Returns the trainable variables that are used, with their per-example gradients."""
    tape = tf.GradientTape(watch_accessed_variables=False)
    layers: list[tf.keras.layers.Layer] = []

    def call(
        layer: tf.keras.layers.Layer, arguments: Any, keywords: Any
    ) -> tuple[Any, LayerCall | None]:
        layers.append(layer)
        if layer.trainable_variables:
            recorded = RULES[type(layer)](layer, arguments[0], tape)
            return recorded.outputs, recorded
        if type(layer) in RANDOM:
            keywords = {"training": True, **keywords}
        return layer(*arguments, **keywords), None

    with tape:
        outputs, calls = gradient_clipping_utils.model_forward_pass(model, images, call)
        loss = tf.reduce_sum(_losses(loss_fn, labels, outputs))
    raise_for(model, shared_variables(layers), "fast")
    calls = [recorded for recorded in calls if recorded is not None]
    gradients = tape.gradient(
        loss,
        [recorded.pre_activation for recorded in calls],
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    return [
        pair
        for recorded, gradient in zip(calls, gradients, strict=True)
        for pair in zip(recorded.variables, recorded.gradients(gradient), strict=True)
    ]


def _losses(loss_fn: LossFn, labels: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Returns the losses; an error if they are not one for each example."""
    losses = loss_fn(labels, outputs)
    if losses.shape.rank != 1:
        raise ValueError(f"loss_fn must return a loss for each example, not shape {losses.shape}")
    return tf.reshape(losses, tf.shape(outputs)[:1])
