"""How updates and weights become integers, known before anything is started; no TensorFlow here."""

from crypto.encoding.fixed_point import FixedPoint

__all__ = ["FixedPoint", "fixed_point", "modulus_bits", "value_bits"]


def fixed_point(fraction_bits: int, clip_range: float) -> FixedPoint:
    """Returns the encoding of updates.

    Raises:
        ValueError: if there is none.
    """
    return FixedPoint(fraction_bits, clip_range)


def value_bits(fraction_bits: int, clip_range: float) -> int:
    """Returns the bits of an encoded number that is shifted to lie at 0 or above.

    Raises:
        ValueError: if there is no such encoding.
    """
    return (2 * fixed_point(fraction_bits, clip_range).bound).bit_length()


def modulus_bits(
    fraction_bits: int, clip_range: float, num_clients: int, max_weight: int = 1
) -> int:
    """Returns k of a fixed-point mean over so many clients.

    Args:
        fraction_bits: as in `fixed_point`.
        clip_range: as there.
        num_clients: the most clients in one sum.
        max_weight: the largest integer weight.

    Raises:
        ValueError: if there is none.
    """
    return fixed_point(fraction_bits, clip_range).required_bits(num_clients, max_weight)
