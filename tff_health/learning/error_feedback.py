"""Client work whose updates are compressed, and whose clients keep what compression lost."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.learning.changed_updates import with_changed_updates
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
    update_type = work.next.type_signature.result.result.member.update
    specs = tff.types.type_to_tf_tensor_specs(update_type)
    size = sum(spec.shape.num_elements() for spec in tf.nest.flatten(specs))
    memory_type = tff.SequenceType(tff.types.tensorflow_to_type(memory_spec(size)))

    def feed_back(update: Any, given: Any) -> Any:
        memory = recall(given)
        sent, kept = sparse_binary.feed_back(update, memory["vector"], compress)
        with tf.control_dependencies([write(memory["target"], kept)]):
            return tf.nest.map_structure(tf.identity, sent)

    return with_changed_updates(work, "memory", memory_type, feed_back)
