"""A TFF model around another one, of which it changes what it overrides and nothing else."""

from typing import Any

import tensorflow_federated as tff


class WrappedModel(tff.learning.models.VariableModel):
    """Passes everything on to the model inside.

    Args:
        model: what is called.
    """

    def __init__(self, model: tff.learning.models.VariableModel) -> None:
        self._model = model

    @property
    def trainable_variables(self) -> Any:  # noqa: D102
        return self._model.trainable_variables

    @property
    def non_trainable_variables(self) -> Any:  # noqa: D102
        return self._model.non_trainable_variables

    @property
    def local_variables(self) -> Any:  # noqa: D102
        return self._model.local_variables

    @property
    def input_spec(self) -> Any:  # noqa: D102
        return self._model.input_spec

    def forward_pass(self, batch_input: Any, training: bool = True) -> Any:  # noqa: D102
        return self._model.forward_pass(batch_input, training)

    def predict_on_batch(self, batch_input: Any, training: bool = True) -> Any:  # noqa: D102
        return self._model.predict_on_batch(batch_input, training)

    def report_local_unfinalized_metrics(self) -> Any:  # noqa: D102
        return self._model.report_local_unfinalized_metrics()

    def metric_finalizers(self) -> Any:  # noqa: D102
        return self._model.metric_finalizers()

    def reset_metrics(self) -> Any:  # noqa: D102
        return self._model.reset_metrics()
