"""Averaging of compressed, encrypted updates (FedOpt, Asad et al. 2020), scheme III of the paper.

Taken from the source: sparse binary compression of what clients send and of what the server sends,
with error feedback at both; positions in Golomb's code, values under encryption that adds. Decided
here, where it is silent: all parameters are compressed as one vector; values are rounded to fixed
point, and what rounding loses is fed back as well; the key is with the clients' key holder, who
decrypts sums for the server; all clients count the same.
"""

from tff_health.aggregators.compressed_mean import CompressedMean
from tff_health.aggregators.fixed_point_mean import FixedPointMean
from tff_health.learning.error_feedback import with_error_feedback
from tff_health.learning.process import SchemeProcess
from tff_health.learning.secure_averaging import average_securely
from tff_health.local.client_memory import ClientMemory
from tff_health.local.encoding import fixed_point
from tff_health.local.sparse_binary import compress_encoded
from tff_health.local.task import Task


def build_fedopt(task: Task) -> SchemeProcess:
    """Returns federated averaging in which updates are compressed both ways."""
    sums, share = task.sums, task.sparsity
    encoding = fixed_point(sums.fraction_bits, sums.clip_range)
    mean = CompressedMean(FixedPointMean(encoding, sums.max_clients), share)
    size = sum(weight.shape.num_elements() for weight in task.initial_weights.trainable)
    return average_securely(
        task,
        mean,
        lambda work: with_error_feedback(
            work, lambda vector: compress_encoded(vector, share, encoding)
        ),
        ClientMemory(task.memory_folder, size),
    )
