"""Client work in which some clients are hostile, in a simulation."""

from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.hostile import updates
from tff_health.hostile.attack import Attack
from tff_health.learning.changed_updates import with_changed_updates


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
    mark_type = tff.SequenceType(tff.types.tensorflow_to_type(updates.MARK_SPEC))

    def change(update: Any, given: tf.data.Dataset) -> Any:
        first = given.reduce(tf.zeros((3,), tf.int64), lambda _, mark: mark)
        return updates.sent(attack, update, first)

    return with_changed_updates(work, "marks", mark_type, change)
