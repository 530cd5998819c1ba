"""Models and optimizers whose Python is run as it is, and not rewritten by AutoGraph.

TFF traces what clients do under AutoGraph, which rewrites every function that is called from there,
TFF's own included, at a tenth of a second each. None of those here branches or loops over tensors,
so that the graphs are the same without. A network itself stays under AutoGraph: layers of a user's
own may need it.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.learning.wrapped_model import WrappedModel

_as_it_is = tf.autograph.experimental.do_not_convert


class UnconvertedModel(WrappedModel):
    """A model of `tff.learning.models.from_keras_model`; its network alone is under AutoGraph.

    Args:
        model: what is called; its graphs stay the same.
    """

    def __init__(self, model: tff.learning.models.VariableModel) -> None:
        super().__init__(model)
        self._forward_pass = _traced(model.forward_pass)
        self._reset_metrics = _traced(model.reset_metrics)

    @_as_it_is
    def forward_pass(self, batch_input: Any, training: bool = True) -> Any:  # noqa: D102
        return self._forward_pass(batch_input, training)

    @_as_it_is
    def report_local_unfinalized_metrics(self) -> Any:  # noqa: D102
        return self._model.report_local_unfinalized_metrics()

    def metric_finalizers(self) -> Any:  # noqa: D102
        finalizers = self._model.metric_finalizers()
        return OrderedDict((name, _traced(function)) for name, function in finalizers.items())

    @_as_it_is
    def reset_metrics(self) -> Any:  # noqa: D102
        return self._reset_metrics()


def build_sgdm(learning_rate: float, momentum: float = 0.0) -> tff.learning.optimizers.Optimizer:
    """Returns `tff.learning.optimizers.build_sgdm`, unconverted.

    Args:
        learning_rate: of the first step.
        momentum: 0 for none.
    """
    return _UnconvertedOptimizer(
        tff.learning.optimizers.build_sgdm(learning_rate, momentum or None)
    )


class _UnconvertedOptimizer(tff.learning.optimizers.Optimizer):
    def __init__(self, optimizer: tff.learning.optimizers.Optimizer) -> None:
        self._optimizer = optimizer

    @_as_it_is
    def initialize(self, specs: Any) -> Any:
        return self._optimizer.initialize(specs)

    @_as_it_is
    def next(self, state: Any, weights: Any, gradients: Any) -> Any:
        return self._optimizer.next(state, weights, gradients)

    @_as_it_is
    def get_hparams(self, state: Any) -> Any:
        return self._optimizer.get_hparams(state)

    @_as_it_is
    def set_hparams(self, state: Any, hparams: Any) -> Any:
        return self._optimizer.set_hparams(state, hparams)


def _traced(function: Any) -> Callable[..., Any]:
    """A `tf.function` anew, traced without AutoGraph."""
    return tf.function(function.python_function, autograph=False)  # type: ignore[no-any-return]
