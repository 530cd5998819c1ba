"""How the per-example gradients of a Keras layer follow from its inputs and outputs.

A rule computes a layer such that a tape can take the gradient for its pre-activation, from which,
together with the inputs, the gradients of the layer's variables follow for each example.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
from tensorflow_privacy.privacy.fast_gradient_clipping import layer_registry as tfp_registry

from tff_health.privacy.patches import Axis, patch_columns, shifted_images
from tff_health.privacy.per_example import Formed, PerExample, of_products


@dataclass(frozen=True)
class LayerCall:
    """One call of a layer in a forward pass.

    Attributes:
        outputs: what the layer returns.
        pre_activation: what a tape watches, float32 (n, ...).
        variables: the layer's trainable variables.
        gradients: from the gradient for `pre_activation` of a sum of losses, one for each example,
            to the per-example gradients of each of `variables`.
    """

    outputs: tf.Tensor
    pre_activation: tf.Tensor
    variables: tuple[tf.Variable, ...]
    gradients: Callable[[tf.Tensor], list[PerExample]]


Rule = Callable[[tf.keras.layers.Layer, tf.Tensor, tf.GradientTape], LayerCall]


def dense(layer: tf.keras.layers.Dense, inputs: tf.Tensor, tape: tf.GradientTape) -> LayerCall:
    """Calls a `Dense` layer.

    Args:
        layer: the layer, built.
        inputs: float32 (n, ..., features).
        tape: records the call.
    """

    def columns() -> list[tf.Tensor]:
        features = inputs.shape[-1]
        positions = inputs.shape[1:-1].num_elements()
        flat = tf.reshape(inputs, [-1, positions, features])
        return [tf.linalg.matrix_transpose(flat)]

    product = tf.tensordot(inputs, layer.kernel, axes=1)
    return _linear(layer, layer.kernel, product, _of_columns(layer.kernel, columns), tape)


def conv2d(layer: tf.keras.layers.Conv2D, inputs: tf.Tensor, tape: tf.GradientTape) -> LayerCall:
    """Calls a `Conv2D` layer with one group and channels last.

    Args:
        layer: the layer, built.
        inputs: float32 (n, height, width, channels).
        tape: records the call.
    """
    columns = functools.partial(patch_columns, inputs, *_axes_of(layer, inputs))
    product = layer.convolution_op(inputs, layer.kernel)
    return _linear(layer, layer.kernel, product, _of_columns(layer.kernel, columns), tape)


def depthwise_conv2d(
    layer: tf.keras.layers.DepthwiseConv2D, inputs: tf.Tensor, tape: tf.GradientTape
) -> LayerCall:
    """Calls a `DepthwiseConv2D` layer with channels last.

    Args:
        layer: the layer, built.
        inputs: float32 (n, height, width, channels).
        tape: records the call.
    """
    kernel = layer.depthwise_kernel
    product = tf.keras.backend.depthwise_conv2d(
        *(inputs, kernel, layer.strides, layer.padding, layer.data_format, layer.dilation_rate)
    )

    def formed(right: tf.Tensor) -> PerExample:
        rows, columns = _axes_of(layer, inputs)
        shape = [-1, rows.positions, columns.positions, *kernel.shape[2:]]
        gradient = tf.reshape(right, shape)
        return Formed(
            tuple(
                tf.reduce_sum(seen[..., tf.newaxis] * gradient, axis=[1, 2])
                for seen in shifted_images(inputs, rows, columns)
            ),
            tuple(kernel.shape),
        )

    return _linear(layer, kernel, product, formed, tape)


def _axes_of(layer: Any, inputs: tf.Tensor) -> list[Axis]:
    """A convolution along the height and the width of its images."""
    return [
        Axis(
            inputs.shape[1 + axis],
            layer.kernel_size[axis],
            layer.strides[axis],
            layer.dilation_rate[axis],
            layer.padding == "same",
        )
        for axis in (0, 1)
    ]


def _of_columns(
    kernel: tf.Variable, columns: Callable[[], list[tf.Tensor]]
) -> Callable[[tf.Tensor], PerExample]:
    """The gradients of a kernel, which `columns` stand left of in `of_products`."""
    return lambda right: of_products(columns(), right, tuple(kernel.shape))


def _linear(
    layer: tf.keras.layers.Layer,
    kernel: tf.Variable,
    product: tf.Tensor,
    of_kernel: Callable[[tf.Tensor], PerExample],
    tape: tf.GradientTape,
) -> LayerCall:
    """Calls a layer of a kernel and a bias; gradients are given to `of_kernel` as (n, t, c)."""
    pre_activation = tf.nn.bias_add(product, layer.bias) if layer.use_bias else product
    tape.watch(pre_activation)
    positions = product.shape[1:-1].num_elements()

    def gradients(gradient: tf.Tensor) -> list[PerExample]:
        right = tf.reshape(gradient, [-1, positions, gradient.shape[-1]])
        found = [of_kernel(right)]
        if layer.use_bias:
            found.append(Formed((tf.reduce_sum(right, axis=1),), tuple(layer.bias.shape)))
        return found

    variables = (kernel, layer.bias) if layer.use_bias else (kernel,)
    return LayerCall(layer.activation(pre_activation), pre_activation, variables, gradients)


def normalization(
    layer: tf.keras.layers.LayerNormalization | tf.keras.layers.GroupNormalization,
    inputs: tf.Tensor,
    tape: tf.GradientTape,
) -> LayerCall:
    """Calls a `LayerNormalization` or `GroupNormalization` layer.

    Args:
        layer: the layer, built, with a `gamma`, a `beta` or both.
        inputs: float32 (n, ...).
        tape: records the call.
    """
    without_weights = type(layer).from_config(
        {**layer.get_config(), "scale": False, "center": False}
    )
    normalized = without_weights(inputs)
    axes = normalized_axes(layer, len(inputs.shape))
    others = [axis for axis in range(1, len(inputs.shape)) if axis not in axes]
    shape = [inputs.shape[axis] if axis in axes else 1 for axis in range(len(inputs.shape))]

    outputs = normalized
    if layer.scale:
        outputs *= tf.reshape(layer.gamma, shape)
    if layer.center:
        outputs += tf.reshape(layer.beta, shape)
    tape.watch(outputs)

    def summed(values: tf.Tensor, variable: tf.Variable) -> Formed:
        return Formed((tf.reduce_sum(values, axis=others),), tuple(variable.shape))

    def gradients(gradient: tf.Tensor) -> list[PerExample]:
        found: list[PerExample] = []
        if layer.scale:
            found.append(summed(gradient * normalized, layer.gamma))
        if layer.center:
            found.append(summed(gradient, layer.beta))
        return found

    variables = [layer.gamma] * layer.scale + [layer.beta] * layer.center
    return LayerCall(outputs, outputs, tuple(variables), gradients)


def normalized_axes(layer: tf.keras.layers.Layer, rank: int) -> list[int]:
    """Returns the axes that a normalisation has weights for.

    Args:
        layer: a `LayerNormalization` or `GroupNormalization` layer.
        rank: of its inputs, the examples' axis included.
    """
    axes = layer.axis if isinstance(layer.axis, list | tuple) else [layer.axis]
    return sorted(axis % rank for axis in axes)


RULES: Mapping[type, Rule] = {
    tf.keras.layers.Dense: dense,
    tf.keras.layers.Conv2D: conv2d,
    tf.keras.layers.DepthwiseConv2D: depthwise_conv2d,
    tf.keras.layers.LayerNormalization: normalization,
    tf.keras.layers.GroupNormalization: normalization,
}


def laid_out(model: tf.keras.Model) -> int:
    """Returns how many numbers of an example its rules lay out for gradients of convolutions.

    Args:
        model: built, for images of a fixed size.
    """
    return sum(
        math.prod(layer.kernel_size)
        * layer.get_input_shape_at(0)[-1]
        * math.prod(layer.get_output_shape_at(0)[1:-1])
        for layer in model._flatten_layers(include_self=False)
        if RULES.get(type(layer)) in (conv2d, depthwise_conv2d) and layer.trainable_variables
    )


def layer_registry() -> tfp_registry.LayerRegistry:
    """Returns TF Privacy's registry of layers, with ours added to it.

    It serves TF Privacy's own `clip_grads.compute_gradient_norms`.
    """
    registry = tfp_registry.make_default_layer_registry()
    for layer_class, rule in RULES.items():
        if layer_class is not tf.keras.layers.Dense:  # TF Privacy has it
            registry.insert(layer_class, functools.partial(_registry_function, rule))
    return registry


def _registry_function(
    rule: Rule,
    layer: tf.keras.layers.Layer,
    arguments: Sequence[Any],
    _keywords: Mapping[str, Any],
    tape: tf.GradientTape,
    num_microbatches: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    if num_microbatches is not None:
        raise NotImplementedError("only microbatches of one example are private as accounted for")
    call = rule(layer, arguments[0], tape)

    def squared_norms(gradient: tf.Tensor) -> tf.Tensor:
        return tf.add_n([found.squared_norms() for found in call.gradients(gradient)])

    return call.pre_activation, call.outputs, squared_norms
