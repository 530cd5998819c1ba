"""Gradient descent as `tff.learning` wants an optimizer, not rewritten by AutoGraph."""

from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.local.optimizer import GradientDescent

_as_it_is = tf.autograph.experimental.do_not_convert


class TffGradientDescent(tff.learning.optimizers.Optimizer):
    """`GradientDescent` for TFF.

    Args:
        learning_rate: of the first step.
        momentum: 0 for none.
    """

    def __init__(self, learning_rate: float, momentum: float = 0.0) -> None:
        self._descent = GradientDescent(learning_rate, momentum)

    @_as_it_is
    def initialize(self, specs: Any) -> Any:  # noqa: D102
        return self._descent.begin(specs, self._descent.hparams())

    @_as_it_is
    def next(self, state: Any, weights: Any, gradients: Any) -> Any:  # noqa: D102
        return self._descent.next(state, weights, gradients)

    @_as_it_is
    def get_hparams(self, state: Any) -> Any:  # noqa: D102
        return type(state)((key, state[key]) for key in self._descent.hparams())

    @_as_it_is
    def set_hparams(self, state: Any, hparams: Any) -> Any:  # noqa: D102
        return type(state)(state, **hparams)
