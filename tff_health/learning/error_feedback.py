"""Client work whose updates are compressed, and whose clients keep what compression lost."""

from collections import OrderedDict
from collections.abc import Callable

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.local import sparse_binary
from tff_health.local.client_memory import memory_spec, recall, write
from tff_health.local.sparse_binary import Compressed


def with_error_feedback(
    work: tff.learning.templates.ClientWorkProcess, compress: Callable[[tf.Tensor], Compressed]
) -> tff.learning.templates.ClientWorkProcess:
    """Returns client work with compression of its updates.

    A client adds what it kept to its update, compresses the sum, and keeps the difference. An
    update that is not finite is passed on as it is, for the mean to leave out, and changes nothing
    in what is kept.

    Args:
        work: on data sets of examples.
        compress: a vector of all parameters, float32 (m,).

    Returns:
        client work on pairs of data sets, `examples` and `memory`, as `ClientMemory` reads it.
    """
    state_type, weights_type, data_type = work.next.type_signature.parameter
    update_type = work.next.type_signature.result.result.member.update
    specs = tff.types.type_to_tf_tensor_specs(update_type)
    size = sum(spec.shape.num_elements() for spec in tf.nest.flatten(specs))
    memory_type = tff.SequenceType(tff.types.tensorflow_to_type(memory_spec(size)))
    both_type = OrderedDict(examples=data_type.member, memory=memory_type)

    @tff.tensorflow.computation(both_type)
    def examples_of(data):  # type: ignore[no-untyped-def]
        return data["examples"]

    @tff.tensorflow.computation(update_type, both_type)
    def feed_back(update, data):  # type: ignore[no-untyped-def]
        memory = recall(data["memory"])
        sent, kept = sparse_binary.feed_back(update, memory["vector"], compress)
        with tf.control_dependencies([write(memory["target"], kept)]):
            return tf.nest.map_structure(tf.identity, sent)

    @tff.federated_computation(state_type, weights_type, tff.FederatedType(both_type, tff.CLIENTS))
    def next_work(state, weights, data):  # type: ignore[no-untyped-def]
        output = work.next(state, weights, tff.federated_map(examples_of, data))
        update = tff.federated_map(feed_back, (output.result.update, data))
        result = tff.learning.templates.ClientResult(update, output.result.update_weight)
        return tff.templates.MeasuredProcessOutput(
            output.state, tff.federated_zip(result), output.measurements
        )

    return tff.learning.templates.ClientWorkProcess(
        work.initialize, next_work, get_hparams_fn=work.get_hparams, set_hparams_fn=work.set_hparams
    )
