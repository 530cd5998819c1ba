"""Networks that end in probabilities, and how they come to give logits.

All training, evaluation and attacks take a network's outputs for logits. Probabilities would pass
for them without an error, and the network would hardly learn: of 10 probabilities the softmax is
never above 0.24.
"""

from collections.abc import Callable

import tensorflow as tf

_SMALLEST = 1e-37  # a normal float32, so that its logarithm has a gradient
_FACTORS = (1.0, 2.0, 30.0, 1000.0)
_DRAWS = 3
_ONE, _GROWTH = 1.001, 1.2  # rounded up, and far less than weights grow
_IMAGES = 8


def are_probabilities(model: tf.keras.Model, forward: Callable[[tf.Tensor], tf.Tensor]) -> bool:
    """Returns whether outputs are probabilities, up to a factor, whatever the weights are.

    They are if they are never negative, not all 0, and stay as small as they are when weights grow:
    those of a softmax or a sigmoid, and not those of a ReLU. The weights are overwritten.

    Args:
        model: from float32 images of a fixed size to one row of outputs for each.
        forward: calls it as in evaluation.
    """
    variables = model.trainable_variables
    scales = [_scale(variable) for variable in variables]
    images = tf.random.stateless_uniform([_IMAGES, *model.input_shape[1:]], seed=(1, 2))
    largest: list[float] = []
    for factor in _FACTORS:
        here = 0.0
        for draw in range(_DRAWS):
            for number, (variable, scale) in enumerate(zip(variables, scales, strict=True)):
                drawn = tf.random.stateless_normal(variable.shape, seed=(draw, number))
                variable.assign(factor * scale * drawn)
            outputs = tf.cast(forward(images), tf.float32)
            # What overflows on its way shows nothing of the last layer.
            seen = tf.boolean_mask(outputs, tf.reduce_all(tf.math.is_finite(outputs), axis=1))
            if bool(tf.reduce_any(seen < 0)):
                return False
            if len(seen):
                here = max(here, float(tf.reduce_max(seen)))
        largest += [here] if here else []
    return bool(largest) and largest[-1] <= max(_ONE, _GROWTH * largest[-2:][0])


def _scale(variable: tf.Variable) -> float:
    """The root mean square of a variable's initial values; that of its size if they are 0."""
    value = float(tf.sqrt(tf.reduce_mean(tf.square(variable))))
    return value or float(max(variable.shape.num_elements(), 1)) ** -0.5


def log_probabilities(probabilities: tf.Tensor) -> tf.Tensor:
    """Returns logits of the same classes with the same probabilities, float32 (n, classes).

    In a graph what a softmax or sigmoid is taken of is found, and used in its place, so that no
    probability is rounded to 0. Of others the logarithm is taken: the softmax of logarithms gives
    the probabilities back, divided by their sum, as Keras's own loss of probabilities does.

    Args:
        probabilities: floating (n, classes), 0 or more.
    """
    source = probabilities
    while not hasattr(source, "numpy") and source.op.type in ("Identity", "Cast"):
        source = source.op.inputs[0]
    if not hasattr(source, "numpy"):
        if source.op.type == "Softmax":
            return tf.identity(tf.cast(source.op.inputs[0], tf.float32))
        if source.op.type == "Sigmoid":
            return tf.math.log_sigmoid(tf.cast(source.op.inputs[0], tf.float32))
    return tf.math.log(tf.maximum(tf.cast(probabilities, tf.float32), _SMALLEST))
