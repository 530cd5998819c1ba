"""Gradient descent with momentum, of clients and of the server.

The formulas are those of `tff.learning.optimizers.build_sgdm`, in the same order of operations, so
that results agree bit for bit: a <- m a + g, w <- w - l a.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

LEARNING_RATE, MOMENTUM, ACCUMULATOR = "learning_rate", "momentum", "accumulator"


@dataclass(frozen=True)
class GradientDescent:
    """Gradient descent; its state is a structure of tensors.

    Attributes:
        learning_rate: l of the first step.
        momentum: m, from 0 to below 1; 0 for none.
    """

    learning_rate: float
    momentum: float = 0.0

    def hparams(self) -> "OrderedDict[str, Any]":
        """Returns what says how steps are taken, and can change from round to round."""
        values: OrderedDict[str, Any] = OrderedDict([(LEARNING_RATE, self.learning_rate)])
        if self.momentum:
            values[MOMENTUM] = self.momentum
        return values

    def begin(self, weights: Any, hparams: Mapping[str, Any]) -> "OrderedDict[str, Any]":
        """Returns the state before the first step.

        Args:
            weights: variables, tensors or specs; any structure.
            hparams: as `hparams` returns them, perhaps with other values.
        """
        state = OrderedDict((key, tf.cast(hparams[key], tf.float32)) for key in self.hparams())
        if self.momentum:
            state[ACCUMULATOR] = tf.nest.map_structure(
                lambda weight: tf.zeros(weight.shape, weight.dtype), weights
            )
        return state

    def state_specs(self, weights: Any) -> "OrderedDict[str, Any]":
        """Returns the type of a state, `tf.TensorSpec` throughout."""
        specs = OrderedDict((key, tf.TensorSpec((), tf.float32)) for key in self.hparams())
        if self.momentum:
            specs[ACCUMULATOR] = tf.nest.map_structure(
                lambda weight: tf.TensorSpec(weight.shape, weight.dtype), weights
            )
        return specs

    def next(
        self, state: Mapping[str, Any], weights: Sequence[Any], gradients: Sequence[Any]
    ) -> "tuple[OrderedDict[str, Any], Any]":
        """Takes a step.

        Args:
            state: of before.
            weights: float tensors or variables, any structure.
            gradients: in the same structure; None where a weight has no part in the loss.

        Returns:
            the state after it, and the weights in their structure.
        """
        places, given = tf.nest.flatten(weights), _flatten(gradients)
        rate = state[LEARNING_RATE]
        if MOMENTUM not in state:
            stepped = [
                w if g is None else w - tf.cast(rate, g.dtype) * g
                for w, g in zip(places, given, strict=True)
            ]
            return OrderedDict(state), tf.nest.pack_sequence_as(weights, stepped)
        sums = [
            a if g is None else state[MOMENTUM] * a + g
            for a, g in zip(tf.nest.flatten(state[ACCUMULATOR]), given, strict=True)
        ]
        stepped = [
            w if g is None else w - rate * a for w, a, g in zip(places, sums, given, strict=True)
        ]
        after = OrderedDict(state)
        after[ACCUMULATOR] = tf.nest.pack_sequence_as(state[ACCUMULATOR], sums)
        return after, tf.nest.pack_sequence_as(weights, stepped)


def _flatten(gradients: Any) -> list[Any]:
    """Leaves of gradients; those of rows alone (`tf.IndexedSlices`) are made whole."""
    return [
        g if g is None else tf.convert_to_tensor(g)
        for g in tf.nest.flatten(gradients, expand_composites=False)
    ]
