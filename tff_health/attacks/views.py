"""What a server sees of one client's step, as the gradient that an attacker takes it for."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tff_health.attacks.gradients import Gradient

MAX_MODULUS_BITS = 64


def plain(update: Gradient, learning_rate: float) -> list[NDArray[np.float32]]:
    """What the server sees of an update in the clear: the gradient itself.

    Args:
        update: (initial - trained) weights of a client that took one step of plain gradient
            descent, arrays shaped as the model's trainable variables.
        learning_rate: of that step, above 0.

    Raises:
        ValueError: for another learning rate.
    """
    _positive(learning_rate=learning_rate)
    return [np.asarray(array / learning_rate, np.float32) for array in update]


def masked(
    upload: NDArray[np.uint64],
    shapes: Sequence[tuple[int, ...]],
    modulus_bits: int,
    fraction_bits: int,
    learning_rate: float = 1.0,
) -> list[NDArray[np.float32]]:
    """What the server makes of a masked upload if it decodes it as if there were no mask.

    Args:
        upload: integers (number of weights,), 0 to 2^modulus_bits - 1: the masked update, its
            arrays flattened and put one after the other.
        shapes: of the model's trainable variables.
        modulus_bits: k of the sum modulus 2^k, 1 to 64.
        fraction_bits: f of the fixed point; an integer stands for itself times 2^-f.
        learning_rate: of the client's step, above 0.

    Raises:
        ValueError: for values out of these ranges, or if `upload` is not as long as the model.
    """
    _positive(learning_rate=learning_rate)
    if not 1 <= modulus_bits <= MAX_MODULUS_BITS:
        raise ValueError(f"modulus_bits={modulus_bits} must lie in 1..{MAX_MODULUS_BITS}")
    sizes = [math.prod(shape) for shape in shapes]
    if upload.shape != (sum(sizes),):
        raise ValueError(f"an upload of shape {upload.shape} for {sum(sizes)} weights")
    if upload.dtype.kind not in "iu":
        raise ValueError(f"a masked upload is made of integers, not {upload.dtype}")
    residues = upload.astype(np.uint64)
    if (upload < 0).any() or (residues > np.uint64(2**modulus_bits - 1)).any():
        raise ValueError(f"an upload has values out of 0..2^{modulus_bits} - 1")
    spare = np.uint64(MAX_MODULUS_BITS - modulus_bits)
    # Moved to the top of the word, the residue's highest bit is the sign.
    centred = (residues << spare).astype(np.int64) >> spare.astype(np.int64)
    decoded = np.ldexp(centred.astype(np.float64), -fraction_bits) / learning_rate
    parts = np.split(decoded, np.cumsum(sizes)[:-1])
    return [p.reshape(s).astype(np.float32) for p, s in zip(parts, shapes, strict=True)]


def private(
    gradients: Sequence[Gradient],
    clipping_norm: float,
    noise_multiplier: float,
    generator: np.random.Generator,
) -> list[NDArray[np.float32]]:
    """What the server sees of a client that takes one step of DP-SGD.

    Each example's gradient is clipped to L2 norm C, Gaussian noise of standard deviation C times
    the noise multiplier is added to every coordinate of their sum, and the sum is divided by the
    number of examples (Abadi et al. 2016, "Deep learning with differential privacy", Algorithm 1).

    Args:
        gradients: one for each example.
        clipping_norm: C, above 0.
        noise_multiplier: standard deviation over clipping norm, 0 or more.
        generator: of the noise. It shows what noise does; it protects nobody.

    Raises:
        ValueError: for values out of these ranges, or without examples.
    """
    _positive(clipping_norm=clipping_norm)
    if not 0 <= noise_multiplier < math.inf:
        raise ValueError(f"noise_multiplier={noise_multiplier} must be finite, 0 or more")
    if not gradients:
        raise ValueError("there is no example to take a step with")
    clipped = [_clipped(gradient, clipping_norm) for gradient in gradients]
    totals = [sum(arrays) for arrays in zip(*clipped, strict=True)]
    deviation = noise_multiplier * clipping_norm
    noisy = [total + deviation * generator.standard_normal(total.shape) for total in totals]
    return [(array / len(gradients)).astype(np.float32) for array in noisy]


def _clipped(gradient: Gradient, clipping_norm: float) -> list[NDArray[np.float64]]:
    exact = [np.asarray(array, np.float64) for array in gradient]
    norm = math.sqrt(sum(float(np.square(array).sum()) for array in exact))
    factor = min(1.0, clipping_norm / norm) if norm > 0 else 1.0
    return [factor * array for array in exact]


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name}={value} must be finite and above 0")
