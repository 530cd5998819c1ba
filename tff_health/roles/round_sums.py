"""The secure sums of a round: which numbers sites contribute, and what the server reads of sums.

Slots stand in the order in which TFF has them in the simulation, so that vectors are the same.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tff_health.local.encoding import fixed_point
from tff_health.local.mean_encoding import MeanEncoding, WeightEncoding
from tff_health.local.metric_encoding import MetricEncoding
from tff_health.local.network import FINALIZERS, METRIC_DTYPES
from tff_health.local.task import Task
from tff_health.schemes import Scheme
from tff_health.secure_aggregation.slots import Kind, Slot

Tensors = list[NDArray[Any]]
"""An integer array for each slot of a round."""

_INTEGER_SUMS = ("fang",)
"""Schemes that add integers from 0 on, and no residues."""


@dataclass(frozen=True)
class RoundTotals:
    """What the sums of a round say.

    Attributes:
        mean: of what was averaged, float32 tensors.
        metrics: `loss` and `accuracy` over the sites' batches; None if they told none.
        measured: sums over the survivors: `weight_sum`, `clipped_coordinates`,
            `non_finite_updates`.
    """

    mean: list[tf.Tensor]
    metrics: Mapping[str, float] | None
    measured: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class RoundSums:
    """The sums of a scheme's rounds.

    Attributes:
        mean: how updates are averaged.
        specs: of the tensors that are averaged, in order.
        training_metrics: how metrics of training are summed; None if sites tell none.
        validation_metrics: how those of validation are; None if they are not summed securely.
    """

    mean: MeanEncoding
    specs: tuple[tf.TensorSpec, ...]
    training_metrics: MetricEncoding | None
    validation_metrics: MetricEncoding | None

    @classmethod
    def of(cls, scheme: Scheme, task: Task) -> "RoundSums":
        """Returns the sums of a scheme.

        Args:
            scheme: one with secure sums.
            task: what is trained.

        Raises:
            crypto.errors.CapacityError: if a sum needs more than 62 bits.
        """
        sums, quality = task.sums, task.quality
        weights = WeightEncoding(1)
        if scheme.weighs_by_quality:
            weights = WeightEncoding(quality.largest, quality.decimals)
        mean = MeanEncoding(
            fixed_point(sums.fraction_bits, sums.clip_range),
            sums.max_clients,
            weights,
            modular=scheme.name not in _INTEGER_SUMS,
            norm_bound=sums.norm_bound,
        )
        metrics = None
        if sums.secure_metrics:
            metrics = MetricEncoding.beside(mean.modulus_bits, sums.max_clients, sums.max_examples)
        trained = [tf.TensorSpec(w.shape, tf.float32) for w in task.initial_weights.trainable]
        if task.privacy is not None and not task.privacy.is_clients_own:
            trained.append(tf.TensorSpec((), tf.float32))  # whether an update was clipped
        return cls(mean, tuple(trained), None if task.privacy else metrics, metrics)

    @property
    def slots(self) -> tuple[Slot, ...]:
        """What is summed of training, in the order of `contribute`."""
        mean, size = self.mean, sum(spec.shape.num_elements() for spec in self.specs)
        ones = _slot("bitwidth", 2, np.int32)
        clipped = _slot("bitwidth", 1 << mean.clipped_bits(size), np.int32)
        weight = _slot("max_input", mean.weights.max_weight + 1, np.int64)
        kind: Kind = "modular" if mean.modular else "max_input"
        bound = 1 << mean.modulus_bits if mean.modular else 2 * mean.largest + 1
        dtype = mean.dtype.as_numpy_dtype
        updates = [_slot(kind, bound, dtype, tuple(spec.shape)) for spec in self.specs]
        last = [weight, *updates] if mean.modular else [*updates, weight]
        return (*_metric_slots(self.training_metrics), ones, clipped, ones, *last)

    @property
    def validation_slots(self) -> tuple[Slot, ...]:
        """What is summed of validation; empty if nothing is."""
        return _metric_slots(self.validation_metrics)

    def contribute(self, update: Sequence[Any], weight: Any, metrics: Any) -> Tensors:
        """Returns what a site contributes; run by the site.

        Args:
            update: float32 tensors of `specs`.
            weight: of the update, a scalar.
            metrics: `network.Metrics` of training.
        """
        given = self.mean.contribute(tuple(update), tf.convert_to_tensor(weight))
        updates = [part.numpy() for part in given["update"]]
        counts = [given[name].numpy() for name in ("contributors", "clipped", "non_finite")]
        weights = [given["weight"].numpy()]
        last = [*weights, *updates] if self.mean.modular else [*updates, *weights]
        return [*_encoded(self.training_metrics, metrics), *counts, *last]

    def contribute_validation(self, metrics: Any) -> Tensors:
        """Returns what a site contributes of its validation; run by the site."""
        return _encoded(self.validation_metrics, metrics)

    def read(self, sums: Sequence[Any]) -> RoundTotals:
        """Reads the sums of training; run by the server.

        Args:
            sums: one for each of `slots`, over the survivors.
        """
        told = len(_metric_slots(self.training_metrics))
        contributors, clipped, non_finite, *last = sums[told:]
        weight, updates = (last[0], last[1:]) if self.mean.modular else (last[-1], last[:-1])
        weight = tf.convert_to_tensor(weight)
        mean = self.mean.read(
            tuple(tf.convert_to_tensor(part) for part in updates),
            weight,
            tf.convert_to_tensor(contributors),
        )
        measured = {
            "weight_sum": tf.cast(self.mean.weights.decode(weight), tf.float32).numpy(),
            "clipped_coordinates": int(clipped),
            "non_finite_updates": int(non_finite),
        }
        return RoundTotals(list(mean), _decoded(self.training_metrics, sums[:told]), measured)

    def read_validation(self, sums: Sequence[Any]) -> Mapping[str, float] | None:
        """Reads the sums of validation: `loss` and `accuracy`; None if there are none."""
        return _decoded(self.validation_metrics, sums)


def _slot(kind: Kind, bound: int, dtype: Any, shape: tuple[int, ...] = ()) -> Slot:
    return Slot(kind, min(bound, int(np.iinfo(dtype).max) + 1), shape, np.dtype(dtype))


def _metric_slots(encoding: MetricEncoding | None) -> tuple[Slot, ...]:
    if encoding is None:
        return ()
    number = sum(map(len, METRIC_DTYPES.values()))
    return (_slot("bitwidth", 1 << encoding.bits, np.int64),) * number


def _encoded(encoding: MetricEncoding | None, metrics: Any) -> Tensors:
    if encoding is None:
        return []
    values = [tf.convert_to_tensor(value) for name in METRIC_DTYPES for value in metrics[name]]
    return [encoding.encode(value).numpy() for value in values]


def _decoded(encoding: MetricEncoding | None, sums: Sequence[Any]) -> Mapping[str, float] | None:
    if encoding is None:
        return None
    totals = iter(sums)
    values = OrderedDict(
        (name, [encoding.decode(tf.convert_to_tensor(next(totals)), kind) for kind in kinds])
        for name, kinds in METRIC_DTYPES.items()
    )
    return {name: float(FINALIZERS[name](values[name])) for name in ("loss", "accuracy")}
