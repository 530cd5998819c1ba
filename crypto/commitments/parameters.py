"""How long commitments are, and why that is enough: parameters by length, bits and clients.

A client that holds the integers x draws two polynomials s and e with small coefficients and commits
to x by c = a_1 x_1 + ... + a_L x_L + b s + e over R_q = Z_q[X]/(X^N + 1). Its integers stand in x_1
to x_L, N in each; a_1 to a_L and b are uniform and public. What is claimed:

Commitments add up. The sum of n commitments is that of the sums of x, s and e. Whoever knows the
    sums of x and s finds the sum of e as what is left, and accepts it if it is small. So e never
    travels.

Binding. Two openings of one commitment differ by (x, s, e) != 0, small, with a x + b s + e = 0.
    That is a solution of ring-SIS (Ajtai 1996; Lyubashevsky and Micciancio 2006; Peikert and Rosen
    2006) of a norm of at most 2^`norm_bits`, twice that of the largest sum that is accepted.
    Lattice reduction of root Hermite factor delta finds solutions of norm
    2^(2 sqrt(N log q log delta)) (Micciancio and Regev 2009). BKZ in blocks of 438 has delta =
    1.003736 by Chen's formula and costs 2^(0.292 438) = 2^128, counted as core-SVP. Below the
    norm that follows, `Level.binding_bits`, a level binds at 128 bits, by these formulas. The
    norm must also be below q/2, or (q, 0, ..., 0) were a solution.

Hiding. c is a ring-LWE sample with secret s and error e (Lyubashevsky, Peikert and Regev 2010), but
    the sums over all clients of both are opened. Given its sum, the Gaussians (s_1, ..., s_(h-1))
    of h honest clients have the covariance w^2 (I - J/h), J all ones, whose least eigenvalue is
    w^2/h. With w^2 = 2 n w0^2 >= 2 h w0^2 they are so the sum of independent Gaussians of width w0,
    one a client, and of another Gaussian (Peikert 2010, theorem 3.1). Whoever tells the commitments
    of honest clients, given the opened sum, from uniform ones that add up to it, so tells ring-LWE
    samples of width w0 from uniform ones. That is hint-LWE (Kim, Lee, Seo and Song 2023) with the
    sum as its hint. The theorem needs w0 / sqrt(2) to exceed the smoothing parameter of the
    integers; with w0 = 3.4 it is off by less than 2^-128 for 2^32 coefficients over all clients.
    Clients that collude only take their own part off the sum; who drops out opens nothing.

    The homomorphic-encryption standard (Albrecht et al. 2018, table 1, classical, 128 bits) allows
    log q <= 54 at N = 2048 and <= 109 at N = 4096 for ternary secrets, its strictest row, and
    errors of width 3.2; ours are wider.

What attacks cost by the lattice estimator (Albrecht, Player and Scott 2015; its commit 27a581bb of
June 2026), models MATZOV and ADPS16 (core-SVP), as log2 of operations, run for these levels:

    level             ring-SIS at its largest norm    ring-LWE, best of primal_usvp and dual
    N 2048, q 2^37.9  196 and 171                     199 and 174
    N 2048, q 2^54.0  156 and 128                     133 and 104
    N 4096, q 2^108   157 and 128                     130 and 100

The core-SVP figures count one call of a sieve and no memory; the standard's rows were made with a
model that counts more, so that 128 bits there are 100 to 104 here. The paper's network with the
default encoding takes the first level, with a solution's norm at 2^32.1: 271 and 249.

Length. `LEVELS` are tried in their order, and the first that binds is taken.
"""

from dataclasses import dataclass
from decimal import Decimal
from math import ceil, isqrt, log2, prod, sqrt
from typing import Final

from crypto.commitments.gaussian import DiscreteGaussian
from crypto.errors import CapacityError, ParameterError

BASE_VARIANCE: Final = Decimal("11.56")
"""w0^2: of the ring-LWE instance that is left when the sum is known."""

MAX_CLIENTS: Final = 1 << 16
MAX_LENGTH: Final = 1 << 32
LOG_ROOT_HERMITE: Final = log2(1.003736)


@dataclass(frozen=True)
class Level:
    """A ring in which commitments live.

    Attributes:
        degree: N.
        primes: the factors of q, all 1 modulo 2N.
    """

    degree: int
    primes: tuple[int, ...]

    @property
    def modulus(self) -> int:
        """The modulus q."""
        return prod(self.primes)

    @property
    def binding_bits(self) -> float:
        """Log2 of the norm below which it binds at 128 bits, by the formulas above."""
        log_q = log2(self.modulus)
        return min(2 * sqrt(self.degree * log_q * LOG_ROOT_HERMITE), log_q - 1)

    @property
    def commitment_bytes(self) -> int:
        """How long a commitment is: every residue in as many bits as its prime has."""
        return sum(self.degree * prime.bit_length() // 8 for prime in self.primes)


LEVELS: Final = (
    Level(2048, (520193, 495617)),
    Level(2048, (134176769, 134111233)),
    Level(4096, (134176769, 134111233, 134012929, 133963777)),
)


@dataclass(frozen=True)
class CommitmentParameters:
    """What one session's commitments are made with; all know it, and nothing of it is secret.

    Attributes:
        level: the ring.
        length: m, how many integers are committed to.
        largest: the largest magnitude of any but the last `extra_largest` in a sum.
        extra_largest: the largest sums of the integers at the end of the list.
        num_clients: n, the most clients in a sum.
    """

    level: Level
    length: int
    largest: int
    extra_largest: tuple[int, ...]
    num_clients: int

    @classmethod
    def choose(
        cls, length: int, largest: int, num_clients: int, extra_largest: tuple[int, ...] = ()
    ) -> "CommitmentParameters":
        """Return the shortest parameters that bind and hide at 128 bits.

        Args:
            length: m, 0 to 2^32, with the extra ones.
            largest: of the sum of the first of them, in magnitude.
            num_clients: n, 1 to 2^16.
            extra_largest: of the sums of those at the end, which may be larger.

        Raises:
            ParameterError: for arguments out of range.
            CapacityError: if no level is long enough.
        """
        if not len(extra_largest) <= length <= MAX_LENGTH:
            raise ParameterError(f"length={length} must lie in {len(extra_largest)}..2^32")
        if not 1 <= num_clients <= MAX_CLIENTS:
            raise ParameterError(f"num_clients={num_clients} must lie in 1..{MAX_CLIENTS}")
        if min((largest, *extra_largest)) < 0:
            raise ParameterError(f"the largest magnitudes {largest}, {extra_largest} are negative")
        for level in LEVELS:
            parameters = cls(level, length, largest, extra_largest, num_clients)
            small = 2 * parameters.largest_hiding < min(level.primes)
            if small and parameters.norm_bits <= level.binding_bits:
                return parameters
        raise CapacityError(
            f"{length} integers with sums up to {largest} differ by a norm of up to 2^"
            f"{parameters.norm_bits:.1f}; commitments bind below 2^{level.binding_bits:.1f}"
        )

    @property
    def distribution(self) -> DiscreteGaussian:
        """Of the coefficients of s and e: of variance 2 n w0^2."""
        return DiscreteGaussian(self.variance)

    @property
    def variance(self) -> Decimal:
        """The square of their width, 2 n w0^2."""
        return 2 * self.num_clients * BASE_VARIANCE

    @property
    def largest_hiding(self) -> int:
        """The largest magnitude of a coefficient of the sum of n clients' s, or e.

        13.5 widths of the sum: honest clients' go beyond it with a probability below 2^-118, since
        sums of n discrete Gaussians of width w are subgaussian with parameter sqrt(n) w.
        """
        return isqrt(ceil(self.num_clients * self.variance * 729 / 4))

    @property
    def norm_bits(self) -> float:
        """Log2 of the largest norm by which two accepted openings of a sum can differ."""
        first = (self.length - len(self.extra_largest)) * self.largest**2
        squares = first + sum(bound**2 for bound in self.extra_largest)
        hiding = 2 * self.level.degree * self.largest_hiding**2
        return 1 + log2(squares + hiding) / 2
