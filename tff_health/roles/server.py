"""What the server computes of a round: from the opened sums to the next model, and its quality."""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tff_health.data.federated import FederatedImages
from tff_health.errors import RunError
from tff_health.local.evaluation import Evaluation
from tff_health.local.finite import all_finite
from tff_health.local.model_weights import ModelWeights
from tff_health.local.optimizer import GradientDescent
from tff_health.local.quality import QualityRule, normalised_distance
from tff_health.local.sparse_binary import compress_mean
from tff_health.privacy.mechanism import Mechanism
from tff_health.roles.broadcast import Broadcast
from tff_health.roles.round_sums import RoundSums, Tensors
from tff_health.roles.scheme_parts import (
    compresses,
    first_extras,
    of_scheme,
    query_of,
    sample_params,
)
from tff_health.settings.config import RunConfig
from tff_health.training.broken_updates import check_updates
from tff_health.training.data_facts import DataFacts
from tff_health.training.mechanism import settle_for
from tff_health.training.metrics_log import Value
from tff_health.training.round_metrics import round_columns
from tff_health.training.task import build_evaluator, task_for

_UPDATES, _TRAINABLE, _OTHERS, _DESCENT, _SCHEME = (
    *("updates", "trainable", "non_trainable", "descent", "scheme"),
)


class ServerTraining:
    """The server's part in training: run by a program that has TensorFlow and not TFF.

    Args:
        config: the settings of the study, the same at all sites and at the server.
        facts: about all sites' data, the same for all.
        folder: for the server alone.
        tested: its `test` is what models are evaluated on; None to evaluate none.
        privacy: how training is made private; by default what follows from settings and facts.

    Attributes:
        sums: of a round: `sums.slots` are what `apply` is given a sum for, `sums.validation_slots`
            what `validated` is.
        mechanism: how training is made private; None if it is not.

    Raises:
        ConfigError: if settings are not for a scheme of secure sums, or the model cannot be built.
    """

    def __init__(
        self,
        config: RunConfig,
        facts: DataFacts,
        folder: Path,
        tested: FederatedImages | None = None,
        *,
        privacy: Mechanism | None = None,
    ) -> None:
        self._config, self._scheme = config, of_scheme(config)
        self.mechanism = privacy or settle_for(config, facts.fewest_units)
        task = self._task = task_for(config, facts, folder, self.mechanism)
        self.sums = RoundSums.of(self._scheme, task)
        server = task.server_optimizer
        self._descent = GradientDescent(server.learning_rate, server.momentum)
        self._query = query_of(task)
        self._evaluator = build_evaluator(task, tested, config) if tested else None
        initial = task.initial_weights.arrays()
        self._state: OrderedDict[str, Any] = OrderedDict(
            {
                _UPDATES: np.int64(0),
                _TRAINABLE: tuple(initial.trainable),
                _OTHERS: tuple(initial.non_trainable),
                _DESCENT: self._descent.begin(tuple(initial.trainable), self._descent.hparams()),
                _SCHEME: self._first_scheme_state(),
            }
        )

    @property
    def weights(self) -> ModelWeights:
        """The model, as arrays."""
        return ModelWeights(list(self._state[_TRAINABLE]), list(self._state[_OTHERS])).arrays()

    @property
    def updates(self) -> int:
        """Rounds that have changed the model."""
        return int(self._state[_UPDATES])

    def broadcast(self) -> Broadcast:
        """Returns what all sites are given for the next round, or to validate the model."""
        extras: Sequence[Any] = ()
        if self._scheme.weighs_by_quality:
            extras = self._state[_SCHEME]
        elif self._query is not None:
            extras = sample_params(self._query, self._state[_SCHEME])
        return Broadcast(self.updates, self.weights, tuple(np.array(extra) for extra in extras))

    def apply(self, sums: Sequence[Any], survivors: int, round_number: int) -> dict[str, Value]:
        """Takes a step by the sums of a round.

        Args:
            sums: an integer array for each of `sums.slots`, over the survivors.
            survivors: how many sites they are over.
            round_number: for messages.

        Returns:
            columns of metrics.csv, as the simulation has them: of `training.round_metrics`.

        Raises:
            RunError: if no site's update is finite, or not the mean of them, or not the new model;
                the model stays what it was.
        """
        totals = self.sums.read(sums)
        measured = dict(totals.measured)
        mean, scheme_state = self._scheme_mean(totals.mean, measured)
        row = round_columns(self._config, totals.metrics, measured)
        check_updates(round_number, {**row, "survivors": survivors})
        descent, trainable = self._descent.next(
            self._state[_DESCENT], self._state[_TRAINABLE], tuple(mean)
        )
        for what, values in (("mean of the updates", mean), ("model", trainable)):
            if not bool(all_finite(values)):
                raise RunError(
                    f"round {round_number}: the {what} is not finite (NaN or infinity); the model "
                    "is kept: lower --learning_rate or --server_learning_rate"
                )
        self._state |= {
            _UPDATES: self._state[_UPDATES] + 1,
            _TRAINABLE: trainable,
            _DESCENT: descent,
            _SCHEME: scheme_state,
        }
        return row

    def evaluate(self) -> Evaluation:
        """Returns how good the model is on the server's test images, as the simulation does.

        Raises:
            RunError: if the server has none.
        """
        if self._evaluator is None:
            raise RunError("the server has no test images to evaluate the model on")
        return self._evaluator.evaluate(self.weights)

    def validated(self, sums: Sequence[Any]) -> dict[str, Value]:
        """Reads the sums of sites' validation.

        Args:
            sums: an integer array for each of `sums.validation_slots`.

        Returns:
            columns of metrics.csv: `validation_loss` and `validation_accuracy`, if there are any.
        """
        found = self.sums.read_validation(sums) or {}
        return {f"validation_{name}": value for name, value in found.items()}

    def to_bytes(self) -> bytes:
        """Returns the state, for a file: model, momentum, and what the scheme keeps."""
        return ModelWeights(tf.nest.flatten(self._state), []).to_bytes()

    def restore(self, data: bytes) -> None:
        """Goes on from what `to_bytes` gave.

        Raises:
            DataError: if it is damaged, or of another model or scheme.
        """
        read = ModelWeights.from_bytes(data)
        ModelWeights(tf.nest.flatten(self._state), []).check_like(read)
        self._state = tf.nest.pack_sequence_as(self._state, read.trainable)

    def _first_scheme_state(self) -> Any:
        """The last update, for quality; what compression lost; or the state of the query."""
        if self._query is not None:
            return self._query.initial_global_state()
        if compresses(self._scheme):
            size = sum(spec.shape.num_elements() for spec in self.sums.specs)
            return np.zeros(size, np.float32)
        return tuple(first_extras(self._scheme, self._task))

    def _scheme_mean(self, mean: Tensors, measured: dict[str, Any]) -> tuple[Any, Any]:
        """Returns what the scheme makes of a mean, and its next state; adds to `measured`."""
        state = self._state[_SCHEME]
        if self._query is not None:
            return self._noised(mean, state)
        if compresses(self._scheme):
            sent, lost, _ = compress_mean(tuple(mean), tf.constant(state), self._task.sparsity)
            return sent, lost
        if self._scheme.weighs_by_quality:
            change = QualityRule.of(self._task).change(tf.constant(self.updates))
            measured["global_distance"] = normalised_distance(mean, state, change).numpy()
            return mean, tuple(mean)
        return mean, ()

    def _noised(self, mean: Tensors, state: Any) -> tuple[Any, Any]:
        count = self._task.sums.max_clients
        template = [tf.zeros(spec.shape, spec.dtype) for spec in self.sums.specs[:-1]]
        form = self._query.initial_sample_state(template)
        total = tf.nest.pack_sequence_as(form, [part * count for part in mean])
        noised, after, _ = self._query.get_noised_result(total, state)
        return noised, after
