from decimal import Decimal
from math import exp, sqrt

import numpy as np
import pytest

from crypto.commitments.gaussian import DRAW_BYTES, DiscreteGaussian
from crypto.errors import ParameterError
from crypto.randomness import TestVectorRandomness as Scripted

VARIANCES = [Decimal(1), Decimal("231.2"), Decimal("693.6"), Decimal("23120")]


class Fixed:
    """Gives out given bytes."""

    def __init__(self, *numbers):
        self._data = b"".join(number.to_bytes(DRAW_BYTES, "little") for number in numbers)

    def bytes(self, count):
        assert count == len(self._data)
        return self._data


@pytest.mark.parametrize("variance", VARIANCES)
def test_the_table_is_the_distribution_function(variance):
    gaussian = DiscreteGaussian(variance)
    table, largest = gaussian._table, gaussian.largest
    assert len(table) == 2 * largest
    weights = [exp(-z * z / (2 * float(variance))) for z in range(-largest, largest + 1)]
    steps = np.diff([0, *table, 1 << 128]).astype(float) / 2.0**128
    np.testing.assert_allclose(steps, np.array(weights) / sum(weights), rtol=1e-9, atol=2.0**-127)
    # Symmetric to the last bit but one, since both halves are rounded.
    assert max(abs(a + b - (1 << 128)) for a, b in zip(table, reversed(table), strict=True)) <= 1


@pytest.mark.parametrize("variance", VARIANCES)
def test_the_tail_that_is_cut_off_holds_less_than_the_table_resolves(variance):
    largest = DiscreteGaussian(variance).largest
    assert 2 * exp(-((largest + 1) ** 2) / (2 * float(variance))) < 2.0**-128


def test_each_draw_is_looked_up_whole():
    gaussian = DiscreteGaussian(Decimal(1))
    table, largest = gaussian._table, gaussian.largest
    middle = table[largest]
    drawn = gaussian.draw(
        6, Fixed(0, (1 << 128) - 1, middle - 1, middle, middle + 1, table[largest - 1])
    )
    np.testing.assert_array_equal(drawn, [-largest, largest, 0, 1, 1, 0])


@pytest.mark.parametrize("variance", VARIANCES[1:])
def test_the_width_is_right_and_neither_two_thirds_nor_three_halves_of_it(variance):
    drawn = DiscreteGaussian(variance).draw(40_000, Scripted(b"width"))
    scale = sqrt(float(variance))
    deviation = sqrt(2 / drawn.size)

    def fits(width):
        return abs((drawn / width).var() - 1) < 5 * deviation

    assert fits(scale)
    assert not fits(scale * 2 / 3)
    assert not fits(scale * 3 / 2)
    assert abs(drawn.mean()) < 5 * scale / sqrt(drawn.size)
    # Shape: the share within one width, of which a uniform or triangular distribution has another.
    weights = {
        z: exp(-z * z / (2 * float(variance))) for z in range(-9 * int(scale), 9 * int(scale) + 1)
    }
    share = sum(w for z, w in weights.items() if abs(z) <= scale) / sum(weights.values())
    found = np.mean(np.abs(drawn) <= scale)
    assert abs(found - share) < 5 * sqrt(share * (1 - share) / drawn.size)


def test_draws_are_of_the_source_and_its_alone():
    gaussian = DiscreteGaussian(Decimal(100))
    first, again = (gaussian.draw(50, Scripted(b"a")) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, gaussian.draw(50, Scripted(b"b")))
    assert gaussian.draw(0, Scripted(b"a")).shape == (0,)


@pytest.mark.parametrize(
    "variance", [Decimal(0), Decimal("0.99"), Decimal(-3), Decimal(1 << 24) + 1]
)
def test_refuses_widths_that_it_has_no_table_for(variance):
    with pytest.raises(ParameterError, match="variance"):
        DiscreteGaussian(variance)
