"""What a scheme is made of: a training process and an evaluation process over clients' keys."""

from dataclasses import dataclass

import tensorflow_federated as tff

from tff_health.learning.task import Task


@dataclass(frozen=True, eq=False)
class SchemeProcess:
    """The two processes of a scheme; their rounds take the clients' keys, not their data.

    Attributes:
        training: trains on the clients' training parts.
        evaluation: evaluates a model on the clients' validation parts.
    """

    training: tff.learning.templates.LearningProcess
    evaluation: tff.learning.templates.LearningProcess

    @classmethod
    def of(
        cls,
        task: Task,
        training: tff.learning.templates.LearningProcess,
        evaluation: tff.learning.templates.LearningProcess,
    ) -> "SchemeProcess":
        """Gives two processes over data sets the task's data."""
        compose = tff.simulation.compose_dataset_computation_with_learning_process
        return cls(compose(task.training_data, training), compose(task.validation_data, evaluation))
