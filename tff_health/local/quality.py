"""Data quality: how near a client's gradient is to the last global one (Zhang et al., 4.2).

All gradients are pseudo-gradients (w_before - w_after) / beta: of the client's training in this
round, g_i, and of the global model in the round before, g_global, which stands for the present one
that nobody knows yet.
"""

from dataclasses import dataclass
from typing import Any

import tensorflow as tf
from scipy import stats

from tff_health.local.task import Task

_SIGN_PENALTY = 4.0


@dataclass(frozen=True)
class QualityRule:
    """Eq. (14): Q = delta / distance(g_i, g_global), clamped to a public range.

    The equation writes both a norm and a sum of squares. "squares" is the sum, which is the weight
    of truth discovery that the paper cites; "norm" is its root; "signs" is the sum in which
    coordinates of opposite signs count four times, for the text says that they make the distance
    larger, and not how much.

    Attributes:
        learning_rate: beta, of the clients.
        decay: what the learning rate is multiplied with in each round; the last one stays.
        distance: "squares", "norm" or "signs".
        significance: tau, of the chi-square quantile delta.
        smallest: the lower end of the public range, above 0.
        largest: the upper end.
    """

    learning_rate: float
    decay: tuple[float, ...] = (1.0,)
    distance: str = "squares"
    significance: float = 0.05
    smallest: float = 0.01
    largest: float = 1000.0

    @classmethod
    def of(cls, task: Task) -> "QualityRule":
        """Returns the rule of a task."""
        quality = task.quality
        return cls(
            task.client_optimizer.learning_rate,
            task.client_optimizer.decay,
            distance=quality.distance,
            smallest=10.0**-quality.decimals,
            largest=quality.largest,
        )

    def scale(self, dimension: int) -> float:
        """Returns delta, the (1 - tau/2) quantile of chi-square with `dimension` degrees."""
        return float(stats.chi2.ppf(1 - self.significance / 2, dimension))

    def quality(self, update: Any, last_update: Any, rounds: tf.Tensor) -> tf.Tensor:
        """Computes the quality of one client; run by the client.

        Args:
            update: float32 tensors, w_before - w_after of the client.
            last_update: the same of the global model in the round before.
            rounds: int, those before this one; in the first round there is no last update, and all
                qualities are 1.

        Returns:
            float64 scalar within the public range: `largest` at distance 0, and 0 if the distance
            is not finite.
        """
        pairs = list(zip(tf.nest.flatten(update), tf.nest.flatten(last_update), strict=True))
        dimension = sum(tensor.shape.num_elements() for tensor, _ in pairs)
        factor, change = self._factor(rounds), self.change(rounds)
        distance = tf.add_n([self._squares(ours, last, change) for ours, last in pairs])
        distance /= self.learning_rate**2 * factor**2
        if self.distance == "norm":
            distance = tf.sqrt(distance)
        ratio = tf.constant(self.scale(dimension), tf.float64) / distance  # infinite at distance 0
        clamped = tf.clip_by_value(ratio, self.smallest, self.largest)
        known = tf.where(tf.math.is_finite(distance), clamped, tf.zeros_like(clamped))
        return tf.where(tf.equal(rounds, 0), tf.ones_like(known), known)

    def change(self, rounds: tf.Tensor) -> tf.Tensor:
        """Returns this round's learning rate over the last one's, a float64 scalar."""
        return self._factor(rounds) / self._factor(rounds - 1)

    def _factor(self, rounds: tf.Tensor) -> tf.Tensor:
        place = tf.clip_by_value(rounds, 0, len(self.decay) - 1)
        return tf.gather(tf.constant(self.decay, tf.float64), place)

    def _squares(self, ours: tf.Tensor, last: tf.Tensor, change: tf.Tensor) -> tf.Tensor:
        ours, last = tf.cast(ours, tf.float64), change * tf.cast(last, tf.float64)
        squares = tf.square(ours - last)
        if self.distance == "signs":
            squares = tf.where(ours * last < 0, _SIGN_PENALTY * squares, squares)
        return tf.reduce_sum(squares)


def normalised_distance(update: Any, last_update: Any, change: Any = 1.0) -> tf.Tensor:
    """Eq. (13): |g - g_last| / |g_last| of two successive global gradients; run by the server.

    Args:
        update: float32 tensors, of this round.
        last_update: of the round before.
        change: of the learning rate from that round to this one.

    Returns:
        float32 scalar; NaN if the last one is zero, as before the first round.
    """
    lasts_now = [tf.cast(change, tf.float32) * last for last in tf.nest.flatten(last_update)]
    pairs = list(zip(tf.nest.flatten(update), lasts_now, strict=True))
    differences = tf.add_n([tf.reduce_sum(tf.square(a - b)) for a, b in pairs])
    lasts = tf.add_n([tf.reduce_sum(tf.square(b)) for _, b in pairs])
    return tf.where(lasts > 0, tf.sqrt(differences / lasts), tf.constant(float("nan")))
