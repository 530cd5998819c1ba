"""Gradient inversion: from the update of a client to the images that it was made from.

The images are sought whose gradient points where the observed one does. Only directions are
compared, so that clipping, weights and learning rates that scale an update change nothing.

Source: Geiping, Bauermeister, Droege and Moeller 2020, "Inverting gradients: how easy is it to
break privacy in federated learning?", section 4.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tff_health.attacks.gradients import Gradient, check_gradient, infer_label, tensors
from tff_health.data.scaling import TO_UNIT, Scaling
from tff_health.data.seeds import generator

Progress = Callable[[int, int, float], None]

_CHUNK = 50  # iterations between two reports
_FIRST, _SECOND, _TINY = 0.9, 0.999, 1e-8  # Adam's own
_DECAYS_AT = (3 / 8, 5 / 8, 7 / 8)  # of the iterations; the step then shrinks to a tenth


@dataclass(frozen=True)
class InversionSettings:
    """How images are sought.

    Attributes:
        iterations: steps of an attempt, 1 or more; rounded up to a multiple of 50.
        restarts: attempts from other random images, 1 or more; the closest is kept.
        step: first step of Adam, in units of the images' range [0, 1], above 0.
        total_variation: weight of the mean absolute difference of neighbouring pixels, 0 or more;
            large for smooth images.
        seed: of the random images.

    Raises:
        ValueError: for values out of these ranges.
    """

    iterations: int = 1000
    restarts: int = 2
    step: float = 0.03
    total_variation: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("iterations", "restarts"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} must be 1 or more")
        if not 0 < self.step < float("inf"):
            raise ValueError(f"step={self.step} must be finite and above 0")
        if not 0 <= self.total_variation < float("inf"):
            raise ValueError(f"total_variation={self.total_variation} must be finite, 0 or more")


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """What an inversion found.

    Attributes:
        images: float32 (k, height, width, channels) in [0, 1].
        labels: int64 (k,), given or inferred.
        distance: 1 - cosine similarity of their gradient and the observed one, 0 to 2. Near 0 the
            gradients agree; near 1 no image was found that explains the observed one.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    distance: float


def invert(
    model: tf.keras.Model,
    gradient: Gradient,
    image_shape: tuple[int, int, int],
    labels: NDArray[np.integer[Any]] | None = None,
    settings: InversionSettings = InversionSettings(),
    scaling: Scaling = TO_UNIT,
    progress: Progress | None = None,
) -> Reconstruction:
    """Reconstructs the images that a gradient was computed from; run by a curious server.

    Args:
        model: with the weights that the client started from; gives logits.
        gradient: arrays shaped as the model's trainable variables: of the mean cross-entropy over k
            images, times any positive number; see `views`.
        image_shape: (height, width, channels).
        labels: integers (k,), the classes of the images; or None for one image, whose class is then
            inferred.
        settings: how images are sought.
        scaling: of the images, as in training.
        progress: called with iterations done, iterations in all, and the distance reached.

    Returns:
        the images, those of the attempt that came closest.

    Raises:
        ValueError: if gradient, image shape or labels do not fit the model, or if the gradient is
            not finite or zero throughout.
    """
    check_gradient(gradient, [tuple(v.shape) for v in model.trainable_variables])
    if (None, *image_shape) != model.input_shape:
        raise ValueError(
            f"images of shape {image_shape} for a model that takes {model.input_shape}"
        )
    if labels is None:
        labels = np.array([infer_label(gradient)])
    known = _checked_labels(labels, model.output_shape[-1])
    search = _Search(model, gradient, image_shape, known, settings, scaling)
    chunks = -(-settings.iterations // _CHUNK)
    attempts = []
    for restart in range(settings.restarts):
        state = search.start(restart)
        for chunk in range(chunks):
            done = chunk / chunks
            step = settings.step * 0.1 ** sum(done >= at for at in _DECAYS_AT)
            *state, distance = search.advance(*state, tf.constant(step, tf.float32))
            if progress:
                finished = (restart * chunks + chunk + 1) * _CHUNK
                progress(finished, settings.restarts * chunks * _CHUNK, float(distance))
        distance = search.distance(state[0])
        attempts.append(Reconstruction(state[0].numpy(), known, float(distance)))
    return min(attempts, key=lambda attempt: attempt.distance)


def _checked_labels(labels: NDArray[np.integer[Any]], num_classes: int) -> NDArray[np.int64]:
    labels = np.asarray(labels)
    if labels.ndim != 1 or not len(labels) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"labels must be integers (k,) with k >= 1, not {labels.dtype} {labels.shape}"
        )
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(
            f"labels {labels.min()} to {labels.max()}, but classes are 0 to {num_classes - 1}"
        )
    return labels.astype(np.int64)


class _Search:
    """Adam on the signs of the objective's gradient by the images, which stay in [0, 1]."""

    def __init__(
        self,
        model: tf.keras.Model,
        gradient: Gradient,
        image_shape: tuple[int, int, int],
        labels: NDArray[np.int64],
        settings: InversionSettings,
        scaling: Scaling,
    ) -> None:
        self._model = model
        # In float64 and scaled: a decoded mask can be beyond what float32 can square.
        flat = np.concatenate([np.ravel(array) for array in gradient]).astype(np.float64)
        flat /= np.abs(flat).max()
        self._target = tf.constant(flat / np.linalg.norm(flat), tf.float32)
        self._labels = tf.constant(labels)
        self._settings = settings
        self._scaling = scaling
        self._shape = (len(labels), *image_shape)
        # Traced at once: TensorFlow warns of functions that every search traces for itself.
        images, number = tf.TensorSpec(self._shape), tf.TensorSpec(())
        self.distance = tf.function(self._distance).get_concrete_function(images)
        self.advance = tf.function(self._advance).get_concrete_function(
            *(images, images, images, number, number)
        )

    def start(self, restart: int) -> list[tf.Tensor]:
        drawn = generator(self._settings.seed, f"inversion {restart}").uniform(size=self._shape)
        images = tf.constant(drawn, tf.float32)
        return [images, tf.zeros_like(images), tf.zeros_like(images), tf.constant(0.0)]

    def _advance(
        self,
        images: tf.Tensor,
        mean: tf.Tensor,
        square: tf.Tensor,
        done: tf.Tensor,
        step: tf.Tensor,
    ) -> tuple[tf.Tensor, ...]:
        distance = tf.constant(0.0)
        for _ in tf.range(_CHUNK):
            with tf.GradientTape() as tape:
                tape.watch(images)
                distance = self._distance(images)
                objective = distance + self._settings.total_variation * _total_variation(images)
            slope = tf.sign(tape.gradient(objective, images))
            done += 1.0
            mean = _FIRST * mean + (1 - _FIRST) * slope
            square = _SECOND * square + (1 - _SECOND) * tf.square(slope)
            ahead = mean / (1 - tf.pow(_FIRST, done))
            spread = tf.sqrt(square / (1 - tf.pow(_SECOND, done)))
            images = tf.clip_by_value(images - step * ahead / (spread + _TINY), 0.0, 1.0)
        return images, mean, square, done, distance

    def _distance(self, images: tf.Tensor) -> tf.Tensor:
        parts = tensors(self._model, images, self._labels, self._scaling)
        flat = tf.concat([tf.reshape(part, [-1]) for part in parts], axis=0)
        length = tf.sqrt(tf.reduce_sum(tf.square(flat)) + _TINY**2)
        return 1.0 - tf.reduce_sum(flat * self._target) / length


def _total_variation(images: tf.Tensor) -> tf.Tensor:
    down = tf.abs(images[:, 1:] - images[:, :-1])
    right = tf.abs(images[:, :, 1:] - images[:, :, :-1])
    return tf.reduce_mean(down) + tf.reduce_mean(right)
