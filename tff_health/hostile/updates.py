"""What hostile clients send instead of the update that they trained, in TensorFlow."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tff_health.data.client_data import DataOf
from tff_health.data.streams import fold
from tff_health.hostile.attack import Attack

MARK_SPEC = tf.TensorSpec((3,), tf.int64)
"""Whether a client is hostile, 0 or 1, its number, and the round."""


def marks(attack: Attack) -> DataOf:
    """Returns what tells a client whether it is hostile: a data set of one mark."""

    def read(key: Mapping[str, Any]) -> tf.data.Dataset:
        client = tf.cast(key["client"], tf.int64)
        is_hostile = tf.reduce_any(tf.equal(tf.constant(attack.clients, tf.int64), client))
        mark = tf.stack([tf.cast(is_hostile, tf.int64), client, tf.cast(key["round"], tf.int64)])
        return tf.data.Dataset.from_tensors(mark)

    return read


def sent(attack: Attack, update: Any, mark: tf.Tensor) -> Any:
    """Returns what a client sends; run by the client.

    Args:
        attack: what hostile clients do.
        update: float32 tensors, any structure.
        mark: of `MARK_SPEC`.
    """
    tensors = tf.nest.flatten(update)
    changed = tensors
    if attack.kind == "scale":
        changed = [attack.strength * tensor for tensor in tensors]
    elif attack.kind == "noise":
        stream = tf.stack([mark[1] + (attack.seed << 32), mark[2]])
        drawn = [
            tf.random.stateless_normal(tensor.shape, fold(stream, number))
            for number, tensor in enumerate(tensors)
        ]
        length = attack.strength * tf.linalg.global_norm(tensors) / tf.linalg.global_norm(drawn)
        changed = [length * tensor for tensor in drawn]
    if attack.keeps_norm and attack.enforced_norm:
        changed, _ = tf.clip_by_global_norm(changed, attack.enforced_norm)
    is_hostile = tf.equal(mark[0], 1)
    chosen = [tf.where(is_hostile, a, b) for a, b in zip(changed, tensors, strict=True)]
    return tf.nest.pack_sequence_as(update, chosen)
