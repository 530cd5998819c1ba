"""Networks over fixed wavelets, for differentially private training at small epsilon.

Noise grows with the number of weights that are trained, and edges need not be learnt from anyone's
images: fixed filters find them (Tramer and Boneh 2021, "Differentially private learning needs
better features", with scattering networks). Here: Morlet wavelets of two scales in eight
directions, the moduli of their answers, averaged; and of second order, those of the larger scale
to the moduli of the smaller one (Bruna and Mallat 2013, "Invariant scattering convolution
networks"). They are constants, and their layers are not trained. Wavelets see the mean of an
image's colours; averages of each colour, which are the transform's order zero, stand beside them,
unless there is only one.
"""

import math
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

_DIRECTIONS = 8
# Pixels: side of the filter, standard deviation of its envelope, wavelength.
_SCALES = ((7, 1.2, 4.0), (11, 2.0, 7.0))
_SECOND_SCALE = (7, 1.0, 3.5)  # the larger of these at half the resolution
_SLENDERNESS = 0.5
_FLOOR = 1e-6  # under the root, whose slope is infinite at 0
_FIXED: dict[str, Any] = {"padding": "same", "use_bias": False, "trainable": False}


def build_linear(input_shape: tuple[int, int, int], num_classes: int) -> tf.keras.Model:
    """Returns a linear classifier of wavelet moduli (7,850 weights to train for 28x28x1, 10)."""
    layers = tf.keras.layers
    inputs = tf.keras.Input(input_shape)
    moduli = layers.Concatenate()([layers.AveragePooling2D(4)(m) for m in _moduli(inputs)])
    features = _with_colours(inputs, [_standardised(moduli)])
    outputs = layers.Dense(num_classes)(layers.Flatten()(features))
    return tf.keras.Model(inputs, outputs, name="wavelet_linear")


def build_scattering_linear(input_shape: tuple[int, int, int], num_classes: int) -> tf.keras.Model:
    """Returns a linear classifier of both orders (39,210 weights to train for 28x28x1, 10)."""
    inputs = tf.keras.Input(input_shape)
    features = tf.keras.layers.Flatten()(_scattering(inputs))
    outputs = tf.keras.layers.Dense(num_classes)(features)
    return tf.keras.Model(inputs, outputs, name="scattering_linear")


def build_scattering_cnn(input_shape: tuple[int, int, int], num_classes: int) -> tf.keras.Model:
    """Returns two small convolutions over both orders, with tanh (49,754 weights to train)."""
    layers = tf.keras.layers
    inputs = tf.keras.Input(input_shape)
    hidden = layers.Conv2D(48, 3, padding="same", activation="tanh")(_scattering(inputs))
    hidden = layers.MaxPool2D(2, 1)(hidden)
    hidden = layers.Conv2D(32, 3, strides=2, activation="tanh")(hidden)
    outputs = layers.Dense(num_classes)(layers.Flatten()(hidden))
    return tf.keras.Model(inputs, outputs, name="scattering_cnn")


def _scattering(inputs: tf.Tensor) -> tf.Tensor:
    """All orders, a quarter of the image's sides, each scale of the moduli standardised."""
    layers = tf.keras.layers
    small, large = _moduli(inputs)
    second = _moduli_of_moduli(layers.AveragePooling2D(2)(small))
    parts = [
        layers.AveragePooling2D(4)(small),
        layers.AveragePooling2D(4)(large),
        layers.AveragePooling2D(2)(second),
    ]
    return _with_colours(inputs, [_standardised(part) for part in parts])


def _with_colours(inputs: tf.Tensor, moduli: list[tf.Tensor]) -> tf.Tensor:
    """Averages of the colours, as they are, beside moduli of a quarter of the image's sides."""
    layers = tf.keras.layers
    colours = [layers.AveragePooling2D(4)(inputs)] if inputs.shape[-1] > 1 else []
    parts = [*colours, *moduli]
    return layers.Concatenate()(parts) if len(parts) > 1 else parts[0]


def _standardised(features: tf.Tensor) -> tf.Tensor:
    """Each example by its own mean and deviation: those of others would mix them."""
    layer = tf.keras.layers.LayerNormalization(axis=(1, 2, 3), scale=False, center=False)
    return layer(features)


def _moduli(inputs: tf.Tensor) -> list[tf.Tensor]:
    """The moduli of the wavelets' answers, by scale."""
    channels = inputs.shape[-1]
    found = []
    for scale in _SCALES:
        # Real and imaginary parts are channels beside each other.
        kernel = np.repeat(_bank(scale)[:, :, np.newaxis], channels, axis=2) / channels
        answers = tf.keras.layers.Conv2D(
            kernel.shape[3], kernel.shape[0], kernel_initializer=_constant(kernel), **_FIXED
        )(inputs)
        found.append(_modulus(answers, _DIRECTIONS))
    return found


def _moduli_of_moduli(moduli: tf.Tensor) -> tf.Tensor:
    """The moduli of the answers to every channel by itself, at half the resolution."""
    channels = moduli.shape[-1]
    kernel = np.repeat(_bank(_SECOND_SCALE)[:, :, np.newaxis], channels, axis=2)
    answers = tf.keras.layers.DepthwiseConv2D(
        kernel.shape[0],
        depth_multiplier=kernel.shape[3],
        depthwise_initializer=_constant(kernel),
        **_FIXED,
    )(moduli)
    return _modulus(answers, channels * _DIRECTIONS)


def _modulus(answers: tf.Tensor, count: int) -> tf.Tensor:
    """Of `count` complex channels, whose parts stand beside each other: squares, sums, roots."""
    layers = tf.keras.layers
    pairs = np.kron(np.eye(count), np.ones((2, 1)))[np.newaxis, np.newaxis]
    squares = layers.Activation(tf.square)(answers)
    sums = layers.Conv2D(count, 1, kernel_initializer=_constant(pairs), **_FIXED)(squares)
    return layers.Activation(_root)(sums)


def _bank(scale: tuple[int, float, float]) -> NDArray[np.float64]:
    """Wavelets of all directions, (size, size, 2 * directions)."""
    return np.concatenate([morlet(*scale, d) for d in range(_DIRECTIONS)], axis=-1)


def morlet(size: int, deviation: float, wavelength: float, direction: int) -> NDArray[np.float64]:
    """Returns a Morlet wavelet, its mean taken away.

    Args:
        size: of a side, in pixels; odd.
        deviation: of the Gaussian envelope across the waves, in pixels.
        wavelength: in pixels.
        direction: times pi / 8.

    Returns:
        float64 (size, size, 2), real and imaginary part.
    """
    reach = (size - 1) / 2
    down, across = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    angle = math.pi * direction / _DIRECTIONS
    along = across * math.cos(angle) + down * math.sin(angle)
    beside = down * math.cos(angle) - across * math.sin(angle)
    envelope = np.exp(-(along**2 + (_SLENDERNESS * beside) ** 2) / (2 * deviation**2))
    envelope /= envelope.sum()
    wave = envelope * np.exp(2j * math.pi / wavelength * along)
    wave -= envelope * wave.sum()
    return np.stack([wave.real, wave.imag], axis=-1)


def _constant(kernel: NDArray[np.float64]) -> tf.keras.initializers.Initializer:
    return tf.keras.initializers.Constant(kernel)


def _root(squares: tf.Tensor) -> tf.Tensor:
    return tf.sqrt(squares + _FLOOR)
