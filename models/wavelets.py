"""Networks over fixed wavelets, for differentially private training at small epsilon.

Noise grows with the number of weights that are trained, and edges need not be learnt from anyone's
images: fixed filters find them (Tramer and Boneh 2021, "Differentially private learning needs
better features", with scattering networks). Here: Morlet wavelets of two scales in eight
directions, the moduli of their answers, averaged; a first-order scattering transform. They are
constants, and their layers are not trained.
"""

import math

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

_DIRECTIONS = 8
# Pixels: side of the filter, standard deviation of its envelope, wavelength.
_SCALES = ((7, 1.2, 4.0), (11, 2.0, 7.0))
_SLENDERNESS = 0.5
_FLOOR = 1e-6  # under the root, whose slope is infinite at 0


def build_linear(input_shape: tuple[int, int, int], num_classes: int) -> tf.keras.Model:
    """Returns a linear classifier of wavelet moduli (7,850 weights to train for 28x28x1, 10)."""
    layers = tf.keras.layers
    inputs = tf.keras.Input(input_shape)
    features = layers.Concatenate()([layers.AveragePooling2D(4)(m) for m in _moduli(inputs)])
    features = layers.LayerNormalization(axis=(1, 2, 3), scale=False, center=False)(features)
    outputs = layers.Dense(num_classes)(layers.Flatten()(features))
    return tf.keras.Model(inputs, outputs, name="wavelet_linear")


def build_cnn(input_shape: tuple[int, int, int], num_classes: int) -> tf.keras.Model:
    """Returns two small convolutions over wavelet moduli, with tanh, and a linear classifier."""
    layers = tf.keras.layers
    inputs = tf.keras.Input(input_shape)
    features = layers.Concatenate()([layers.AveragePooling2D(2)(m) for m in _moduli(inputs)])
    features = layers.LayerNormalization(axis=(1, 2), scale=False, center=False)(features)
    hidden = layers.Conv2D(32, 3, padding="same", activation="tanh")(features)
    hidden = layers.MaxPool2D(2)(hidden)
    hidden = layers.Conv2D(16, 3, activation="tanh")(hidden)
    outputs = layers.Dense(num_classes)(layers.Flatten()(hidden))
    return tf.keras.Model(inputs, outputs, name="wavelet_cnn")


def _moduli(inputs: tf.Tensor) -> list[tf.Tensor]:
    """The moduli of the wavelets' answers, by scale."""
    channels = inputs.shape[-1]
    found = []
    for size, deviation, wavelength in _SCALES:
        bank = np.concatenate(
            [morlet(size, deviation, wavelength, d) for d in range(_DIRECTIONS)], axis=-1
        )
        # Real and imaginary parts are channels beside each other, to be squared and added.
        kernel = np.repeat(bank[:, :, np.newaxis], channels, axis=2) / channels
        pairs = np.kron(np.eye(_DIRECTIONS), np.ones((2, 1)))[np.newaxis, np.newaxis]
        answers = tf.keras.layers.Activation(tf.square)(_fixed(kernel)(inputs))
        found.append(tf.keras.layers.Activation(_root)(_fixed(pairs)(answers)))
    return found


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


def _fixed(kernel: NDArray[np.float64]) -> tf.keras.layers.Layer:
    return tf.keras.layers.Conv2D(
        kernel.shape[3],
        kernel.shape[0],
        padding="same",
        use_bias=False,
        trainable=False,
        kernel_initializer=tf.constant_initializer(kernel),
    )


def _root(squares: tf.Tensor) -> tf.Tensor:
    return tf.sqrt(squares + _FLOOR)
