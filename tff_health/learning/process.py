"""What a scheme is made of: a training process and an evaluation process over clients' keys."""

import functools
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.data.client_data import KEY_TYPE, DataOf
from tff_health.hostile.updates import marks
from tff_health.learning.over_keys import data_computation
from tff_health.local.client_memory import ClientMemory
from tff_health.local.model_weights import ModelWeights
from tff_health.local.task import Task


@dataclass(frozen=True, eq=False)
class SchemeProcess:
    """The two processes of a scheme; their rounds take the clients' keys, not their data.

    Attributes:
        training: trains on the clients' training parts.
        evaluation: evaluates a model on the clients' validation parts.
        memory: what clients keep from round to round; None if they keep nothing.
    """

    training: tff.learning.templates.LearningProcess
    evaluation: tff.learning.templates.LearningProcess
    memory: ClientMemory | None = None

    @functools.cached_property
    def validate(self) -> tff.Computation:
        """A round of evaluation that returns its metrics alone, and not the model in its state."""
        evaluation = self.evaluation

        @tff.federated_computation(*evaluation.next.type_signature.parameter)
        def metrics(state, keys):  # type: ignore[no-untyped-def]
            return evaluation.next(state, keys).metrics

        return metrics

    @classmethod
    def of(
        cls,
        task: Task,
        training: tff.learning.templates.LearningProcess,
        evaluation: tff.learning.templates.LearningProcess,
        memory: ClientMemory | None = None,
    ) -> "SchemeProcess":
        """Gives two processes over data sets the task's data.

        Args:
            task: has the data.
            training: over data sets of examples; with a memory, over pairs of data sets, `examples`
                and `memory`; if the task scales updates, over pairs `examples` and `scale`; where
                hostile clients change their updates, over pairs `examples` and `marks`.
            evaluation: over data sets of examples.
            memory: of the clients.
        """
        data = data_computation(task.training_data)
        if memory is not None:
            data = _beside(data, "memory", memory.reading())
        elif task.scales_updates:
            data = _beside(data, "scale", lambda key: tf.data.Dataset.from_tensors(key["scale"]))
        elif task.attack is not None and task.attack.changes_updates:
            data = _beside(data, "marks", marks(task.attack))
        validation = data_computation(task.validation_data)
        return cls(_over_keys(training, data), _over_keys(evaluation, validation), memory)


def _beside(examples: tff.Computation, name: str, other: DataOf) -> tff.Computation:
    """Two data sets of a client: its examples, and another one."""
    reading = data_computation(other)

    @tff.tensorflow.computation(KEY_TYPE)
    def read(key):  # type: ignore[no-untyped-def]
        return OrderedDict([("examples", examples(key)), (name, reading(key))])

    return read


def _over_keys(
    process: tff.learning.templates.LearningProcess, data: tff.Computation
) -> tff.learning.templates.LearningProcess:
    """As `tff.simulation.compose_dataset_computation_with_learning_process`, for any data."""
    state_type = process.initialize.type_signature.result

    @tff.federated_computation(state_type, tff.FederatedType(KEY_TYPE, tff.CLIENTS))
    def next_round(state, keys):  # type: ignore[no-untyped-def]
        return process.next(state, tff.federated_map(data, keys))

    return tff.learning.templates.LearningProcess(
        process.initialize,
        next_round,
        process.get_model_weights,
        process.set_model_weights,
        get_hparams_fn=process.get_hparams,
        set_hparams_fn=process.set_hparams,
    )


def weights_of(state: Any) -> tff.learning.models.ModelWeights:
    """Returns the model of a process's state.

    It is there already: `get_model_weights` would send the whole state to a worker and back.
    """
    return state.global_model_weights


def with_weights(state: Any, weights: ModelWeights | tff.learning.models.ModelWeights) -> Any:
    """Returns a process's state with another model, as `set_model_weights` does on a worker."""
    return state._replace(global_model_weights=tff.learning.models.ModelWeights(*weights))
