"""Client work whose updates are changed by what a client holds or is told beside its examples."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff


def with_changed_updates(
    work: tff.learning.templates.ClientWorkProcess,
    name: str,
    kind: Any,
    change: Callable[[Any, Any], Any],
) -> tff.learning.templates.ClientWorkProcess:
    """Returns client work on pairs, `examples` and what stands beside them.

    Args:
        work: on data sets of examples.
        name: of what stands beside them.
        kind: its type, as TFF has it.
        change: from an update and what stands beside the examples to the update that is sent.
    """
    state_type, weights_type, data_type = work.next.type_signature.parameter
    update_type = work.next.type_signature.result.result.member.update
    both_type = OrderedDict([("examples", data_type.member), (name, kind)])

    @tff.tensorflow.computation(both_type)
    def examples_of(data):  # type: ignore[no-untyped-def]
        return data["examples"]

    @tff.tensorflow.computation(update_type, both_type)
    def changed(update, data):  # type: ignore[no-untyped-def]
        return change(update, data[name])

    @tff.federated_computation(state_type, weights_type, tff.FederatedType(both_type, tff.CLIENTS))
    def next_work(state, weights, data):  # type: ignore[no-untyped-def]
        output = work.next(state, weights, tff.federated_map(examples_of, data))
        update = tff.federated_map(changed, (output.result.update, data))
        result = tff.learning.templates.ClientResult(update, output.result.update_weight)
        return tff.templates.MeasuredProcessOutput(
            output.state, tff.federated_zip(result), output.measurements
        )

    return tff.learning.templates.ClientWorkProcess(
        work.initialize, next_work, get_hparams_fn=work.get_hparams, set_hparams_fn=work.set_hparams
    )


def with_scale(
    work: tff.learning.templates.ClientWorkProcess,
) -> tff.learning.templates.ClientWorkProcess:
    """Returns client work on pairs, `examples` and `scale`, that multiplies its updates with it.

    The scale is a data set of one number, as TFF has clients' data in data sets alone. Secure sums
    so add scaled updates. A scale of 1 changes no bit.

    Args:
        work: on data sets of examples.
    """

    def scaled(update: Any, given: tf.data.Dataset) -> Any:
        scale = given.reduce(np.float32(0), tf.add)
        return tf.nest.map_structure(lambda tensor: tensor * scale, update)

    return with_changed_updates(work, "scale", tff.SequenceType(np.float32), scaled)
