"""Differentially private training of a client, as a `ClientWorkProcess` of TFF.

TFF's own client work takes one gradient of the mean loss of a batch, which no optimizer can clip by
example any more. Here every step takes a lot (`data.lots`), clips each example's gradient, sums,
adds Gaussian noise and divides by the expected size of a lot (Abadi et al. 2016, algorithm 1); what
follows, momentum and the server included, only ever sees that.

With local noise, an update is private by itself. With distributed noise, a client takes one step,
rounds it to the grid of the secure sum and adds its share of discrete Gaussian noise there (Kairouz
et al. 2021): the sum is private, and a single update is not, which is why only the sum is shown.

Nothing else of a client's private data leaves it: no number of examples, no training metrics.
"""

from collections import OrderedDict
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.aggregators.finite_mean import all_finite
from tff_health.data.lots import lot_spec
from tff_health.data.streams import fold
from tff_health.learning.random_layers import Draws
from tff_health.learning.task import Task
from tff_health.learning.unconverted import build_sgdm
from tff_health.privacy.clipped_sum import fast_clipped_sum, tfp_clipped_sum
from tff_health.privacy.discrete_noise import add_discrete_noise
from tff_health.privacy.mechanism import Mechanism

_ENGINES = {"fast": fast_clipped_sum, "tfp_optimizer": tfp_clipped_sum}


def build_private_client_work(task: Task) -> tff.learning.templates.ClientWorkProcess:
    """Returns private gradient descent on the clients, whose updates are (initial - trained).

    The learning rate is a part of the state, as in TFF's own client work. All clients weigh the
    same, since a number of examples is private. Data are sequences of `data.lots.lot_spec`.

    Args:
        task: what is trained; its `privacy` says how.

    Raises:
        ValueError: if the task is not private.
    """
    privacy = task.privacy
    if privacy is None:
        raise ValueError("the task has no mechanism of differential privacy")
    optimizer = build_sgdm(task.client_optimizer.learning_rate, task.client_optimizer.momentum)
    hparams = optimizer.get_hparams(optimizer.initialize(tf.TensorSpec((), tf.float32)))
    data_type = tff.SequenceType(tff.types.tensorflow_to_type(lot_spec(task.image_shape)))

    @tff.federated_computation
    def initialize():  # type: ignore[no-untyped-def]
        return tff.federated_value(hparams, tff.SERVER)

    @tff.tensorflow.computation
    def initial_weights():  # type: ignore[no-untyped-def]
        return tff.learning.models.ModelWeights.from_model(task.model_fn())

    state_type = initialize.type_signature.result
    weights_type = initial_weights.type_signature.result

    @tff.tensorflow.computation(state_type.member, weights_type, data_type)
    def work(hparams, initial, lots):  # type: ignore[no-untyped-def]
        model = task.build_model()
        if privacy.noise == "distributed":
            bits = task.sums.fraction_bits
            update = _distributed_step(model, privacy, bits, hparams, initial, lots)
        else:
            update = _local_steps(model, privacy, optimizer, hparams, initial, lots)
        return tff.learning.templates.ClientResult(update, tf.constant(1.0))

    @tff.federated_computation(
        state_type,
        tff.FederatedType(weights_type, tff.CLIENTS),
        tff.FederatedType(data_type, tff.CLIENTS),
    )
    def next_round(state, weights, lots):  # type: ignore[no-untyped-def]
        given = (tff.federated_broadcast(state), weights, lots)
        return tff.templates.MeasuredProcessOutput(
            state,
            tff.federated_map(work, given),
            tff.federated_value(OrderedDict(), tff.SERVER),
        )

    @tff.tensorflow.computation(state_type.member)
    def get_hparams(state):  # type: ignore[no-untyped-def]
        return state

    @tff.tensorflow.computation(state_type.member, state_type.member)
    def set_hparams(_, hparams):  # type: ignore[no-untyped-def]
        return hparams

    return tff.learning.templates.ClientWorkProcess(
        initialize, next_round, get_hparams_fn=get_hparams, set_hparams_fn=set_hparams
    )


def losses(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Returns the cross-entropy of each example, in nats, float32 (n,)."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


def _local_steps(
    model: tf.keras.Model,
    privacy: Mechanism,
    optimizer: tff.learning.optimizers.Optimizer,
    hparams: Any,
    initial: Any,
    lots: tf.data.Dataset,
) -> Any:
    clipped_sum = _ENGINES[privacy.engine]
    deviation = privacy.noise_multiplier * privacy.clipping_norm
    variables = model.trainable_variables

    draws = Draws()

    @tf.function
    def train(hparams: Any, initial: Any, lots: tf.data.Dataset) -> Any:
        _assign(model, initial)
        specs = tuple(tf.TensorSpec(v.shape, v.dtype) for v in variables)
        state = optimizer.set_hparams(optimizer.initialize(specs), hparams)
        for images, labels, stream in lots:
            # Noise takes the numbers from 0.
            with draws.seeded(fold(stream, len(variables))):
                sums = clipped_sum(model, losses, images, labels, privacy.clipping_norm)
            gradient = tuple(
                (total + deviation * tf.random.stateless_normal(total.shape, fold(stream, number)))
                / privacy.lot_size
                for number, total in enumerate(sums)
            )
            weights = tuple(variable.read_value() for variable in variables)
            state, updated = optimizer.next(state, weights, gradient)
            for variable, value in zip(variables, updated, strict=True):
                variable.assign(value)
        return tf.nest.map_structure(tf.subtract, initial.trainable, _like(initial, variables))

    return train(hparams, initial, lots)


def _distributed_step(
    model: tf.keras.Model,
    privacy: Mechanism,
    fraction_bits: int,
    hparams: Any,
    initial: Any,
    lots: tf.data.Dataset,
) -> Any:
    clipped_sum = _ENGINES[privacy.engine]

    draws = Draws()

    @tf.function
    def train(learning_rate: tf.Tensor, initial: Any, lots: tf.data.Dataset) -> Any:
        _assign(model, initial)
        images, labels, stream = lots.get_single_element()
        step = learning_rate / privacy.lot_size
        with draws.seeded(fold(stream, 0)):
            sums = clipped_sum(model, losses, images, labels, privacy.clipping_norm)
        # The others need this client's share of the noise, whatever became of its images.
        finite = all_finite(sums)
        noisy = add_discrete_noise(
            [tf.where(finite, total * step, tf.zeros_like(total)) for total in sums],
            privacy.clipping_norm * step,
            privacy.noise_multiplier,
            privacy.shares,
            fraction_bits,
        )
        return _like(initial, noisy)

    return train(hparams["learning_rate"], initial, lots)


def _assign(model: tf.keras.Model, weights: Any) -> None:
    ours = tff.learning.models.ModelWeights.from_model(model)
    tf.nest.map_structure(lambda variable, value: variable.assign(value), ours, weights)


def _like(weights: Any, values: Any) -> Any:
    return tf.nest.pack_sequence_as(weights.trainable, [tf.convert_to_tensor(v) for v in values])
