"""Clipping of whole updates to a norm that follows the clients' norms, and the server's noise.

Andrew et al. 2021, "Differentially private learning with adaptive clipping"; the query is TF
Privacy's. The server's state gives the clients the norm; a client clips, and tells under noise
whether it had to; the server adds noise to the mean, and moves the norm.
"""

import tensorflow_privacy as tfp

_UNCLIPPED_QUANTILE = 0.5
_QUANTILE_RATE = 0.2
_COUNT_SHARE = 0.05


def adaptive_clipping(
    noise_multiplier: float, clipping_norm: float, num_clients: int
) -> tfp.SumAggregationDPQuery:
    """Returns the query of a mean over `num_clients` clients.

    Args:
        noise_multiplier: z of a round, for mean and norm together.
        clipping_norm: L2 norm of updates to begin with.
        num_clients: of every round.
    """
    noise, count_deviation = split_noise(noise_multiplier, num_clients)
    query = tfp.QuantileAdaptiveClipSumQuery(
        initial_l2_norm_clip=clipping_norm,
        noise_multiplier=noise,
        target_unclipped_quantile=_UNCLIPPED_QUANTILE,
        learning_rate=_QUANTILE_RATE,
        clipped_count_stddev=count_deviation,
        expected_num_records=float(num_clients),
        geometric_update=True,
    )
    return tfp.NormalizedQuery(query, denominator=float(num_clients))


def split_noise(noise_multiplier: float, num_clients: int) -> tuple[float, float]:
    """Shares the noise of a round between the mean and the number of clients that were not clipped.

    With a standard deviation s of that number, the mean has z' = (z^-2 - (2 s)^-2)^(-1/2), and both
    together cost what z costs alone (Andrew et al. 2021, theorem 1). As there, s is 5 % of the
    clients; but at least z, so that few clients do not leave the mean without room.

    Args:
        noise_multiplier: z, 0 or more.
        num_clients: of a round.

    Returns:
        (noise multiplier of the mean, standard deviation of the number).
    """
    if noise_multiplier == 0:
        return 0.0, 0.0
    deviation = max(_COUNT_SHARE * num_clients, noise_multiplier)
    return (noise_multiplier**-2 - (2 * deviation) ** -2) ** -0.5, deviation
