"""Client work in which some clients are hostile, in a simulation."""

from collections import OrderedDict

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.hostile import updates
from tff_health.hostile.attack import Attack


def with_attack(
    work: tff.learning.templates.ClientWorkProcess, attack: Attack
) -> tff.learning.templates.ClientWorkProcess:
    """Returns client work whose hostile clients send something else than what they trained.

    Args:
        work: on data sets of examples.
        attack: what they do.

    Returns:
        client work on pairs of data sets, `examples` and `marks`, of one `updates.MARK_SPEC` each.
    """
    state_type, weights_type, data_type = work.next.type_signature.parameter
    update_type = work.next.type_signature.result.result.member.update
    mark_type = tff.SequenceType(tff.types.tensorflow_to_type(updates.MARK_SPEC))
    both_type = OrderedDict(examples=data_type.member, marks=mark_type)

    @tff.tensorflow.computation(both_type)
    def examples_of(data):  # type: ignore[no-untyped-def]
        return data["examples"]

    @tff.tensorflow.computation(update_type, both_type)
    def change(update, data):  # type: ignore[no-untyped-def]
        first = data["marks"].reduce(tf.zeros((3,), tf.int64), lambda _, mark: mark)
        return updates.sent(attack, update, first)

    @tff.federated_computation(state_type, weights_type, tff.FederatedType(both_type, tff.CLIENTS))
    def next_work(state, weights, data):  # type: ignore[no-untyped-def]
        output = work.next(state, weights, tff.federated_map(examples_of, data))
        update = tff.federated_map(change, (output.result.update, data))
        result = tff.learning.templates.ClientResult(update, output.result.update_weight)
        return tff.templates.MeasuredProcessOutput(
            output.state, tff.federated_zip(result), output.measurements
        )

    return tff.learning.templates.ClientWorkProcess(
        work.initialize, next_work, get_hparams_fn=work.get_hparams, set_hparams_fn=work.set_hparams
    )
