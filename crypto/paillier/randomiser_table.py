"""Paillier encryption with randomisers from a table: tens of times faster than r^n mod n^2.

The randomiser is h_n^s mod n^2 with h = -x^2 mod n, h_n = h^n mod n^2 and s half as long as n.
It is a power of a fixed base, so a table of h_n^(d 256^i), d = 1..256, turns it into one
multiplication for every byte of s.

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
Digits run from 1 to 256 instead of 0 to 255, which multiplies every randomiser by one constant
n-th residue that everybody knows: no digit is skipped, none is a multiplication by 1.

What Python cannot promise: entries are read at addresses that depend on s, multiplication times
vary a little with operands, and s stays in memory until the interpreter reuses it.

Source: Damgard, Jurik, Nielsen, "A generalization of Paillier's public-key system with applications
to electronic voting", 2010; Brickell, Gordon, McCurley, Wilson 1992 for the table.
"""

from operator import getitem
from typing import Final

import gmpy2

from crypto.errors import ParameterError

_DIGITS: Final = 256  # a digit is a byte
_GROUP: Final = 4  # entries multiplied before they meet the product so far


class RandomiserTable:
    """Powers of one base h for one modulus: 20 MB and a third of a second at 2048 bits.

    The table is no secret. One base, and so one table, may serve any number of encryptions.

    Args:
        n: the public key, a product of two safe primes; for others the argument above fails.
        x: uniform below n: the h of this table is -x^2 mod n.

    Raises:
        ParameterError: if x is no unit modulo n.

    Attributes:
        exponent_bytes: bytes of s that `encrypt` takes: half of n, in multiples of four.
        h: -x^2 mod n.
    """

    def __init__(self, n: int, x: int) -> None:
        if gmpy2.gcd(x, n) != 1:
            raise ParameterError("x must be a unit modulo n")
        self._n = gmpy2.mpz(n)
        self._square = self._n * self._n
        self.h = int(-gmpy2.mpz(x) * x % self._n)
        self.exponent_bytes = -(-n.bit_length() // (16 * _GROUP)) * _GROUP
        self._factors: list[list[gmpy2.mpz]] = []
        self._slopes: list[list[gmpy2.mpz]] = []
        step = gmpy2.powmod(self.h, self._n, self._square)
        for _ in range(self.exponent_bytes):
            step = self._add_row(step)

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
        factors = list(map(getitem, self._factors, exponent))
        slope = sum(map(getitem, self._slopes, exponent), gmpy2.mpz(plaintext))
        product = 1 + self._n * (slope % self._n)
        for i in range(0, len(factors), _GROUP):
            a, b, c, d = factors[i : i + _GROUP]
            product = product * ((a * b) * (c * d) % self._square) % self._square
        return int(product)

    @staticmethod
    def exponent(exponent: bytes) -> int:
        """Return the number that bytes stand for: their digits are 1 to 256."""
        ones = int.from_bytes(b"\1" * len(exponent), "little")
        return int.from_bytes(exponent, "little") + ones

    def _add_row(self, step: gmpy2.mpz) -> gmpy2.mpz:
        """Append step^1 to step^256, and return the last."""
        inverse_step = gmpy2.invert(step, self._n)
        power, inverse = gmpy2.mpz(1), gmpy2.mpz(1)
        factors, slopes = [], []
        for _ in range(_DIGITS):
            power = power * step % self._square
            inverse = inverse * inverse_step % self._n
            quotient, factor = gmpy2.f_divmod(power, self._n)
            factors.append(factor)
            slopes.append(quotient * inverse % self._n)
        self._factors.append(factors)
        self._slopes.append(slopes)
        return power
