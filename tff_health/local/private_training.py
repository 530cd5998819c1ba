"""Differentially private training of a client.

A gradient of the mean loss of a batch cannot be clipped by example any more. Here every step takes
a lot (`data.lots`), clips each example's gradient, sums, adds Gaussian noise and divides by the
expected size of a lot (Abadi et al. 2016, algorithm 1); what follows, momentum and the server
included, only ever sees that.

With local noise, an update is private by itself. With distributed noise, a client takes one step,
rounds it to the grid of the secure sum and adds its share of discrete Gaussian noise there (Kairouz
et al. 2021): the sum is private, and a single update is not, which is why only the sum is shown.

Nothing else of a client's private data leaves it: no number of examples, no training metrics.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf

from tff_health.data.lots import lot_spec
from tff_health.data.streams import fold
from tff_health.local.batch_training import BatchTraining, ClientUpdate
from tff_health.local.finite import all_finite
from tff_health.local.model_weights import ModelWeights
from tff_health.local.optimizer import LEARNING_RATE, GradientDescent
from tff_health.local.random_layers import Draws
from tff_health.local.task import Task
from tff_health.privacy.clipped_sum import fast_clipped_sum, tfp_clipped_sum
from tff_health.privacy.discrete_noise import add_discrete_noise
from tff_health.privacy.normal_noise import standard_normal

_ENGINES = {"fast": fast_clipped_sum, "tfp_optimizer": tfp_clipped_sum}


def client_training(task: Task) -> "BatchTraining | PrivateTraining":
    """Returns what a client of the task trains with: `train` takes weights, data and rates."""
    if task.privacy is not None and task.privacy.is_clients_own:
        return PrivateTraining(task)
    return BatchTraining(task)


def losses(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Returns the cross-entropy of each example, in nats, float32 (n,)."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


class PrivateTraining:
    """A client's private training; holds the variables of a network, so make it where it is called.

    Args:
        task: what is trained; its `privacy` says how.

    Raises:
        ValueError: if the task is not private, or its server adds the noise; or if TensorFlow has
            a global seed, and not the operating system's, for noise that it draws itself.
    """

    def __init__(self, task: Task) -> None:
        if task.privacy is None or not task.privacy.is_clients_own:
            raise ValueError("the task's clients have no mechanism of differential privacy")
        if task.privacy.noise == "distributed" and tf.compat.v1.get_seed(None) != (None, None):
            raise ValueError("TensorFlow has a global seed, from which the noise could be told")
        self._privacy, self._bits = task.privacy, task.sums.fraction_bits
        self._model, self._draws = task.build_model(), Draws()
        self._clipped_sum = _ENGINES[task.privacy.engine]
        self._optimizer = GradientDescent(
            task.client_optimizer.learning_rate, task.client_optimizer.momentum
        )
        state, lot = self._optimizer.state_specs(self._variables), lot_spec(task.image_shape)
        self._local_step = tf.function(self._untraced_local_step, [state, lot])
        self._distributed_step = tf.function(
            self._untraced_distributed_step, [tf.TensorSpec((), tf.float32), lot]
        )

    def train(
        self, initial: ModelWeights, lots: Iterable[Any], hparams: Mapping[str, Any]
    ) -> ClientUpdate:
        """Trains on all lots, in a graph or eagerly; with distributed noise there is one.

        Args:
            initial: the weights to begin with, arrays or tensors.
            lots: of `data.lots.lot_spec`.
            hparams: of `GradientDescent`; the learning rate, and the momentum if there is one.

        Returns:
            the private update, and no metrics.
        """
        state = self._begin(initial, hparams)
        if self._privacy.noise == "distributed":
            update = tuple(tf.zeros(variable.shape) for variable in self._variables)
            for lot in lots:
                update = self._distributed_step(hparams[LEARNING_RATE], lot)
            return ClientUpdate(list(update), OrderedDict())
        for lot in lots:
            state = self._local_step(state, lot)
        return self._outcome(initial)

    @tf.autograph.experimental.do_not_convert
    def _begin(self, initial: ModelWeights, hparams: Mapping[str, Any]) -> Any:
        ModelWeights.of(self._model).assign(initial)
        return self._optimizer.begin(self._variables, hparams)

    @tf.autograph.experimental.do_not_convert
    def _outcome(self, initial: ModelWeights) -> ClientUpdate:
        pairs = zip(initial.trainable, self._variables, strict=True)
        return ClientUpdate([tf.subtract(a, b) for a, b in pairs], OrderedDict())

    @property
    def _variables(self) -> tuple[tf.Variable, ...]:
        return tuple(self._model.trainable_variables)

    def _untraced_local_step(self, state: Any, lot: Any) -> Any:
        (images, labels, stream), privacy = lot, self._privacy
        deviation = privacy.noise_multiplier * privacy.clipping_norm
        # Noise takes the numbers from 0.
        with self._draws.seeded(fold(stream, len(self._variables))):
            sums = self._clipped_sum(self._model, losses, images, labels, privacy.clipping_norm)
        gradient = tuple(
            (total + deviation * standard_normal(total.shape, fold(stream, number)))
            / privacy.lot_size
            for number, total in enumerate(sums)
        )
        weights = tuple(variable.read_value() for variable in self._variables)
        state, updated = self._optimizer.next(state, weights, gradient)
        for variable, value in zip(self._variables, updated, strict=True):
            variable.assign(value)
        return state

    def _untraced_distributed_step(self, learning_rate: tf.Tensor, lot: Any) -> Any:
        (images, labels, stream), privacy = lot, self._privacy
        step = learning_rate / privacy.lot_size
        with self._draws.seeded(fold(stream, 0)):
            sums = self._clipped_sum(self._model, losses, images, labels, privacy.clipping_norm)
        # The others need this client's share of the noise, whatever became of its images.
        finite = all_finite(sums)
        noisy = add_discrete_noise(
            [tf.where(finite, total * step, tf.zeros_like(total)) for total in sums],
            privacy.clipping_norm * step,
            privacy.noise_multiplier,
            privacy.shares,
            self._bits,
        )
        return tuple(noisy)
