"""A learning task: the model, its loss, and the clients' data of one experiment."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

from tff_health.data.client_data import DataOf
from tff_health.hostile.attack import Attack
from tff_health.local.model_weights import ModelWeights
from tff_health.privacy.mechanism import Mechanism
from tff_health.settings.groups.sums import QualitySettings


@dataclass(frozen=True)
class SumSettings:
    """How numbers are encoded for secure sums.

    Attributes:
        fraction_bits: updates are rounded to multiples of 2^-fraction_bits.
        clip_range: the largest magnitude of an update's coordinate.
        max_clients: the most clients in one sum.
        max_examples: the most examples that a client trains on or evaluates in a round.
        secure_metrics: whether metrics are summed securely as well.
        norm_bound: L2 norm to which updates are clipped before they are encoded; 0 for none.
    """

    fraction_bits: int
    clip_range: float
    max_clients: int
    max_examples: int
    secure_metrics: bool
    norm_bound: float = 0.0


@dataclass(frozen=True)
class Optimizer:
    """Gradient descent, of the clients or of the server.

    Attributes:
        learning_rate: of the first round.
        momentum: 0 for none.
        decay_rounds: the rounds over which the learning rate falls to 0 along half a cosine; 0 to
            keep it. Rounds after these keep the last rate.
    """

    learning_rate: float
    momentum: float = 0.0
    decay_rounds: int = 0

    @property
    def decay(self) -> tuple[float, ...]:
        """What the learning rate is multiplied with in each round."""
        total = max(1, self.decay_rounds)
        return tuple((1 + math.cos(math.pi * done / total)) / 2 for done in range(total))

    def rate(self, round_number: int) -> float:
        """The learning rate of a round, from 1."""
        return self.learning_rate * self.decay[min(round_number, len(self.decay)) - 1]


@dataclass(frozen=True, eq=False)
class Task:
    """What every scheme trains, so that schemes differ in their sums alone.

    Attributes:
        build_model: returns a new, uncompiled Keras model that gives logits.
        initial_weights: the initial model, the same for every scheme.
        image_shape: (height, width, channels).
        training_data: function from a client's key to its training batches, or lots.
        validation_data: function from a client's key to its validation batches.
        client_optimizer: of the clients' stochastic gradient descent.
        server_optimizer: applies the mean of their updates.
        sums: how numbers are encoded, for schemes with secure sums.
        quality: how data quality is computed, for schemes that weigh by it.
        sparsity: the share of coordinates that is kept, for schemes that compress updates.
        memory_folder: where clients keep what schemes have them remember.
        privacy: how training is made differentially private; None if it is not.
        draws: whether the model draws at random, so that training batches have streams for it.
        scales_updates: whether a client multiplies its update with the `scale` of its key.
        update_norm: the largest L2 norm of a client's update; 0 for none.
        attack: what hostile clients do, in simulations of attacks; None if nobody is hostile.
    """

    build_model: Callable[[], tf.keras.Model]
    initial_weights: ModelWeights
    image_shape: tuple[int, int, int]
    training_data: DataOf
    validation_data: DataOf
    client_optimizer: Optimizer
    server_optimizer: Optimizer
    sums: SumSettings
    quality: QualitySettings
    sparsity: float
    memory_folder: Path
    privacy: Mechanism | None = None
    draws: bool = False
    scales_updates: bool = False
    update_norm: float = 0.0
    attack: Attack | None = None
