"""Paillier encryption with randomisers from a table: tens of times faster than r^n mod n^2.

The randomiser is h_n^s mod n^2 with h = -x^2 mod n, h_n = h^n mod n^2 and s half as long as n.
It is a power of a fixed base, so a table of h_n^(d 2^(w i)), d = 1..2^w, turns it into one
multiplication for every w bits of s.

Each entry stands as a pair (a, b), both below n, for a (1 + n b) mod n^2. Since (1 + n b)(1 + n b')
= 1 + n (b + b'), the product of entries is the product of the a, which are half as long, times
1 + n (sum of the b): multiplications cost half, and the plaintext, a factor 1 + n m, nothing.

Assumptions. Ciphertexts with r uniform in Z_n^* hide their plaintexts by the decisional composite
residuosity (DCR) assumption. Damgard, Jurik and Nielsen take r = h^s instead:
  - If p and q are safe primes, both are 3 mod 4 and gcd(p - 1, q - 1) = 2. The elements of Jacobi
    symbol 1 are then a cyclic group of order (p - 1)(q - 1) / 2, -1 among them is no square, and
    -x^2 generates it except with probability about 2^(2 - |n| / 2). That r has Jacobi symbol 1
    says nothing about the plaintext, and such r hide it by DCR.
  - h^s for s uniform below 2^(|n| / 2) cannot be told from h^s for s uniform below the order,
    unless n can be factored (Hastad, Schrift, Shamir 1993; Goldreich, Rosen 2003). So the exponent
    has |n| / 2 bits at every strength: 1024 for a modulus of 2048 bits (112 bits of strength), 1536
    for 3072 (128 bits; NIST SP 800-57). Twice the strength, 224 or 256 bits, would stop the best
    known attack (kangaroos) as well, at a quarter of the cost; but it needs an assumption of its
    own, that of short exponents, which we do not make.
Digits run from 1 to 2^w instead of 0 to 2^w - 1, so that no digit is skipped and none is a
multiplication by 1. Whatever w is, the randomiser is what it is for w = 8, that of digits from 1 to
256: the first row makes up for the difference, which everybody knows.

What Python cannot promise: entries are read at addresses that depend on s, multiplication times
vary a little with operands, and s stays in memory until the interpreter reuses it.

Source: Damgard, Jurik, Nielsen, "A generalization of Paillier's public-key system with applications
to electronic voting", 2010; Brickell, Gordon, McCurley, Wilson 1992 for the table.
"""

from collections.abc import Sequence
from operator import getitem
from typing import Final

import gmpy2

from crypto.errors import ParameterError

DIGIT_BITS: Final = 8
"""Bits of a digit unless more memory is allowed: a table of 20 MB at 2048 bits."""

_MOST_DIGIT_BITS: Final = 12
_GROUP: Final = 4  # entries multiplied before they meet the product so far
_OVERHEAD_BYTES: Final = 56  # of a number and of its place in a list


def digit_bits_within(bits: int, budget: int) -> int:
    """Return the widest digits whose table takes no more memory than that, and at least 8 bits.

    Args:
        bits: of n.
        budget: bytes.
    """
    entry = 2 * (bits // 8 + _OVERHEAD_BYTES)
    wide = DIGIT_BITS
    while wide < _MOST_DIGIT_BITS and -(-bits // 2 // (wide + 1)) * entry << wide + 1 <= budget:
        wide += 1
    return wide


class RandomiserTable:
    """Powers of one base h for one modulus: 20 MB and a third of a second at 2048 bits.

    The table is no secret. One base, and so one table, may serve any number of encryptions.

    Args:
        n: the public key, a product of two safe primes; for others the argument above fails.
        x: uniform below n: the h of this table is -x^2 mod n.
        digit_bits: w. 11 bits take 120 MB and 1.4 s at 2048 bits, and 0.7 of the time afterwards.

    Raises:
        ParameterError: if x is no unit modulo n.

    Attributes:
        exponent_bytes: bytes of s that `encrypt` takes: half of n, in multiples of four.
        h: -x^2 mod n.
    """

    def __init__(self, n: int, x: int, digit_bits: int = DIGIT_BITS) -> None:
        if gmpy2.gcd(x, n) != 1:
            raise ParameterError("x must be a unit modulo n")
        self._n = gmpy2.mpz(n)
        self._square = self._n * self._n
        self.h = int(-gmpy2.mpz(x) * x % self._n)
        self.exponent_bytes = -(-n.bit_length() // (16 * _GROUP)) * _GROUP
        self._factors: list[list[gmpy2.mpz]] = []
        self._slopes: list[list[gmpy2.mpz]] = []
        self._digit_bits = digit_bits
        base = step = gmpy2.powmod(self.h, self._n, self._square)
        for _ in range(0, 8 * self.exponent_bytes, digit_bits):
            step = self._add_row(step)
        if digit_bits != DIGIT_BITS:
            excess = sum(1 << digit_bits * i for i in range(len(self._factors)))
            self._shift_first_row(base, self.exponent(bytes(self.exponent_bytes)) - excess)

    @property
    def ciphertext_bytes(self) -> int:
        """Length of an encoded ciphertext, and of a randomiser."""
        return (2 * int(self._n).bit_length() + 7) // 8

    def encrypt(self, plaintext: int, exponent: bytes) -> int:
        """Return a ciphertext; run by a client.

        Args:
            plaintext: m, 0 to n - 1.
            exponent: s, `exponent_bytes` fresh uniform secret bytes, for this ciphertext only.

        Returns:
            (1 + n m) h_n^e mod n^2 with e = `self.exponent(s)`.

        Raises:
            ParameterError: for a plaintext out of range or an exponent of another length.
        """
        if not 0 <= plaintext < self._n or len(exponent) != self.exponent_bytes:
            raise ParameterError(f"a plaintext below n and {self.exponent_bytes} bytes are needed")
        digits = self._digits(exponent)
        factors = list(map(getitem, self._factors, digits))
        slope = sum(map(getitem, self._slopes, digits), gmpy2.mpz(plaintext))
        product = 1 + self._n * (slope % self._n)
        while len(factors) >= _GROUP:
            a, b, c, d = factors[-_GROUP:]
            del factors[-_GROUP:]
            product = product * ((a * b) * (c * d) % self._square) % self._square
        for factor in factors:
            product = product * factor % self._square
        return int(product)

    def blind(self, plaintext: int, randomiser: int) -> int:
        """Return a ciphertext with a randomiser that was made ahead: two short multiplications.

        Args:
            plaintext: m, 0 to n - 1.
            randomiser: r = `encrypt(0, s)` for bytes s as there, for this ciphertext only.

        Returns:
            (1 + n m) r mod n^2 = `encrypt(m, s)`.

        Raises:
            ParameterError: for a plaintext out of range.
        """
        if not 0 <= plaintext < self._n:
            raise ParameterError("a plaintext below n is needed")
        ciphertext = randomiser + self._n * (plaintext * (randomiser % self._n) % self._n)
        return int(ciphertext - self._square if ciphertext >= self._square else ciphertext)

    @staticmethod
    def exponent(exponent: bytes) -> int:
        """Return the number that bytes stand for: their digits are 1 to 256."""
        ones = int.from_bytes(b"\1" * len(exponent), "little")
        return int.from_bytes(exponent, "little") + ones

    def _digits(self, exponent: bytes) -> Sequence[int]:
        """Return the digits of a number, the lowest first."""
        if self._digit_bits == DIGIT_BITS:
            return exponent
        number, mask = int.from_bytes(exponent, "little"), (1 << self._digit_bits) - 1
        return [number >> self._digit_bits * i & mask for i in range(len(self._factors))]

    def _shift_first_row(self, base: gmpy2.mpz, exponent: int) -> None:
        """Multiply what the first digit stands for with base^exponent."""
        shift = gmpy2.powmod(base, exponent, self._square)
        for digit, (a, b) in enumerate(zip(self._factors[0], self._slopes[0], strict=True)):
            power = a * (1 + self._n * b) % self._square * shift % self._square
            self._factors[0][digit], self._slopes[0][digit] = self._split(power)

    def _split(self, power: gmpy2.mpz) -> tuple[gmpy2.mpz, gmpy2.mpz]:
        """Return (a, b), both below n, with power = a (1 + n b)."""
        quotient, factor = gmpy2.f_divmod(power, self._n)
        return factor, quotient * gmpy2.invert(factor, self._n) % self._n

    def _add_row(self, step: gmpy2.mpz) -> gmpy2.mpz:
        """Append step^1 to step^(2^w), and return the last."""
        inverse_step = gmpy2.invert(step, self._n)
        power, inverse = gmpy2.mpz(1), gmpy2.mpz(1)
        factors, slopes = [], []
        for _ in range(1 << self._digit_bits):
            power = power * step % self._square
            inverse = inverse * inverse_step % self._n
            quotient, factor = gmpy2.f_divmod(power, self._n)
            factors.append(factor)
            slopes.append(quotient * inverse % self._n)
        self._factors.append(factors)
        self._slopes.append(slopes)
        return power
