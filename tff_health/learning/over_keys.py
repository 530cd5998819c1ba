"""Clients' data as TFF takes it: computations from what chooses a client's data."""

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.data.client_data import KEY_TYPE, DataOf


def data_computation(data: DataOf) -> tff.Computation:
    """Returns the computation from `KEY_TYPE` to a sequence.

    Args:
        data: gives the data of a key.
    """

    @tff.tensorflow.computation(KEY_TYPE)
    def read(key):  # type: ignore[no-untyped-def]
        return tf.autograph.experimental.do_not_convert(data)(key)

    return read
