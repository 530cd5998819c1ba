"""Powers of one long-lived base modulo a prime, from a table: the generator, a public key.

The exponent is cut into digits of w bits, and the table has a row of 2^w powers for each digit, so
that a power is one multiplication a digit and needs no squaring.

Source: Brickell, Gordon, McCurley, Wilson, "Fast exponentiation with precomputation", 1992.
"""

from typing import Final

import gmpy2

from crypto.errors import ParameterError

_WINDOW_BITS: Final = 6


class PowerTable:
    """All base^(d 2^(w i)) for digits d of w bits; a `FixedBase`.

    A digit of 0 would be a multiplication by 1, which takes less time than others. The rows are
    therefore shifted by one, d + 1 in the place of d, and the first row makes up for it: which
    numbers are multiplied does not depend on the digits, only where in memory they lie.

    Args:
        base: an element of the subgroup of order `order`.
        order: exponents are taken modulo this.
        modulus: the prime p.
        window_bits: w, 1 to 8; the table has about 2^w log2(order) / w elements.

    Raises:
        ParameterError: for an impossible w.
    """

    def __init__(
        self, base: int, order: int, modulus: int, window_bits: int = _WINDOW_BITS
    ) -> None:
        if not 1 <= window_bits <= 8:
            raise ParameterError(f"window_bits={window_bits} must lie in 1..8")
        self._order = order
        self._modulus = gmpy2.mpz(modulus)
        self._window_bits = window_bits
        self._rows: list[list[gmpy2.mpz]] = []
        step, excess = gmpy2.mpz(base), gmpy2.mpz(1)
        for _ in range(0, order.bit_length(), window_bits):
            row = [step]
            for _ in range((1 << window_bits) - 1):
                row.append(row[-1] * step % self._modulus)
            self._rows.append(row)
            excess = excess * step % self._modulus
            step = row[-1]
        correction = gmpy2.invert(excess, self._modulus)
        self._rows[0] = [entry * correction % self._modulus for entry in self._rows[0]]

    def power(self, exponent: int) -> int:
        """Return base^exponent for any integer exponent."""
        rest = exponent % self._order
        mask = (1 << self._window_bits) - 1
        result = gmpy2.mpz(1)
        for row in self._rows:
            result = result * row[rest & mask] % self._modulus
            rest >>= self._window_bits
        return int(result)
