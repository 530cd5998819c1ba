"""The sum of the clients' vectors as a TFF computation, whose sum is a secure one."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff
from numpy.typing import NDArray

from tff_health.privacy.discrete_noise import noise_share
from tff_health.statistics.layout import MODULUS_BITS


def secure_total(
    vectors: Sequence[NDArray[np.int64]],
    sensitivity: float,
    noise_multiplier: float,
    shares: int,
) -> NDArray[np.int64]:
    """Returns the sum over the clients that survive, with their noise; run it in a secure context.

    Args:
        vectors: of the clients that the context was told of, in their order; int64 (d,) each.
        sensitivity: the largest L2 norm of what a unit adds.
        noise_multiplier: z, standard deviation of the whole noise / sensitivity; 0 for none.
        shares: how many clients' shares of the noise must suffice.

    Returns:
        int64 (d,), between -2^59 and 2^59.
    """
    modulus = 1 << MODULUS_BITS
    vector_type = tff.TensorType(np.int64, vectors[0].shape)

    @tff.tensorflow.computation(vector_type)
    def residues(vector):  # type: ignore[no-untyped-def]
        noise = noise_share(vector.shape, sensitivity, noise_multiplier, shares)
        return tf.math.floormod(vector + noise, tf.constant(modulus, tf.int64))

    @tff.federated_computation(tff.FederatedType(vector_type, tff.CLIENTS))
    def total(vectors):  # type: ignore[no-untyped-def]
        contributed = tff.federated_map(residues, vectors)
        return tff.backends.mapreduce.federated_secure_modular_sum(contributed, modulus)

    found = np.asarray(total(list(vectors)), np.int64)
    return np.where(found >= modulus // 2, found - modulus, found)
