"""TFF's own in-the-clear sums, the oracle of the secure ones, on a worker of ours.

`tff.backends.test` starts a worker that inherits standard output and may outlive the tests.
"""

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff
from tensorflow_federated.python.core.backends.test import compiler

from tff_health.workers.context import _Executors


def clear_context(worker):
    def compile_in_the_clear(computation):
        computation = compiler.replace_secure_intrinsics_with_bodies(computation)
        return tff.backends.native.desugar_and_transform_to_native(computation)

    return tff.framework.SyncExecutionContext(
        executor_fn=_Executors(worker),
        compiler_fn=compile_in_the_clear,
        transform_args=tff.tensorflow.transform_args,
        transform_result=tff.tensorflow.transform_result,
    )


def assert_same_bits(found, expected):
    """Asserts that two values are equal in every leaf, NaN and the sign of zero included."""
    tf.nest.assert_same_structure(found, expected)
    pairs = zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True)
    for one, other in ((np.asarray(a), np.asarray(b)) for a, b in pairs):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert one.tobytes() == other.tobytes(), (one, other)
