"""How much is checked of a norm, and with which probability something false passes.

What is claimed, all in the random oracle model, with a hash as the oracle, for every set of
challenges that a prover tries:

Soundness. A proof that passes shows that its prover knows integers (x, s, e) that open the
    commitment, with the norm of x at most B, exactly, but with a probability of at most
    2^-`soundness_bits`: there is no slack in the norm. Step by step, with R the number of random
    sums, Z the largest that is accepted, and p each of the primes, whose product is Q:

    rows       Reed-Solomon codewords of N coefficients at n = 8 N places. If rows differ from
               codewords in more than (n - 2 N)/2 columns, so does the random sum of them that is
               asked for but with probability n p^-5 (five sums at once are one over a field of p^5;
               Ben-Sasson et al. 2020, theorem 1.6), and each opened column finds that with
               probability 3/8.
    relations  a polynomial that is not the sum that it should be differs from it in n - 2 N
               columns, of which as many as (n - 2 N)/2 may be wrong: again 3/8 or more. If it is,
               and one relation is false, their random sum is with probability p^-5 or less.
    small      let w be all integers but the masks, as residues modulo Q around 0. If one is beyond
               2 Z, then of the sums with weight 1, 0 and -1 for it at most one half of the cases,
               or the other, are within Z: 2^-R. Else sums do not wrap; with v = <r, w> + y, E v^4
               <= 3 (E v^2)^2 for any mask y, so that v^2 >= THETA |w|^2/2 with probability
               (1 - THETA)^2/3 or more (Paley and Zygmund 1932). So |w|^2 <= 2 Z^2/THETA, but with
               probability (1 - (1 - THETA)^2/3)^R, for each of the sets of masks. That is far above
               what an honest prover has (`proven_norm` over `largest_norm`: 2^14), but bounds it.
    exact      the squares of x and of the four integers add up to B^2 modulo Q, which is larger
               than both: they do so exactly, and |x| <= B.

    With the largest sum that verifies, what the prover knows is what it committed to, if
    commitments bind for norms as large: `choose` sees to that.

Completeness. |<r, w>| exceeds `largest_sum` = 9 |w| with probability 2 exp(-81), as weights are
    subgaussian with variance 1/2. Masks are uniform within `largest_mask`, and a sum under a mask
    is told only if it is within Z = `largest_mask` - `largest_sum`, which happens with the same
    probability whatever it is. Of `MASKS` sets of masks the first that suits is taken; none does
    with probability `retry_probability`, and then the prover begins anew. Whoever keeps to the
    bound can always prove it.

Zero knowledge. What is told of rows are `QUERIES` columns, and each row holds as many uniform
    numbers that say nothing else; the polynomials told are masked by uniform rows; sums under masks
    are uniform within Z. So all that is told could be made without the integers, for challenges
    chosen beforehand. Columns that are not opened are hidden by a salt in their hash.

A proof is bound to the commitment and to a context by its challenges: in no other session, and from
no other client, does it pass. Whoever may try 2^h challenges has 2^h times the probability.
"""

from dataclasses import dataclass
from functools import cached_property
from math import ceil, isqrt, log2, prod
from typing import Final

from crypto.commitments.parameters import LEVELS, CommitmentParameters, Level
from crypto.errors import CapacityError, ParameterError

REPETITIONS: Final = 5
BLOW_UP: Final = 8
"""Places at which rows are evaluated, over their coefficients: n / N."""
QUERIES: Final = 150
SUMS: Final = 240
"""R, a multiple of 16."""
MASKS: Final = 8
THETA: Final = 0.1
_TAIL: Final = 9
_MASK_FACTOR: Final = 2

PRIMES: Final = (*LEVELS[-1].primes, 133881857)
"""Primes of 27 bits, all 1 modulo 8192; as many are used as squares need not to wrap."""

MAX_NORM_BITS: Final = 48
"""Of all of an honest prover's integers, so that their sums are exact."""


@dataclass(frozen=True)
class NormBound:
    """A bound on the norm of a part of all vectors in a session.

    Attributes:
        length: how many integers at the end of a vector it is of, 1 or more.
        largest: the bound, 1 or more; of sums with qualities, for each 1 of quality.
    """

    length: int
    largest: int


@dataclass(frozen=True)
class NormParameters:
    """What a norm proof is about.

    Attributes:
        commitment: of the vector; its last integer may be a quality.
        bounded: how many integers before the quality, if there is one, have a bounded norm.
        bound: B.
        free_largest: the largest magnitude of integers before these, in honest vectors.
        quality_largest: the largest quality q, if the bound is B q and not B; else None.
    """

    commitment: CommitmentParameters
    bounded: int
    bound: int
    free_largest: int = 0
    quality_largest: int | None = None

    @classmethod
    def choose(
        cls,
        length: int,
        largest: int,
        num_clients: int,
        *,
        bounded: int,
        bound: int,
        quality_largest: int | None = None,
    ) -> "NormParameters":
        """Return parameters of commitments, and of proofs for them, that bind together.

        Args:
            length: of the vector, with its quality.
            largest: of the sum of the first of them, in magnitude.
            num_clients: the most in a sum.
            bounded: how many integers have a bounded norm.
            bound: B, at least 1.
            quality_largest: as above.

        Raises:
            ParameterError: for arguments out of range.
            CapacityError: if no level is long enough, or norms are beyond what can be proven.
        """
        extra = () if quality_largest is None else (num_clients * quality_largest,)
        if not 1 <= bounded <= length - len(extra) or bound < 1:
            raise ParameterError(
                f"bounded={bounded} must lie in 1..{length - len(extra)}, and bound={bound} be 1 "
                "or more"
            )
        CommitmentParameters.choose(length, largest, num_clients, extra)  # its checks
        free_largest = largest // num_clients + 1
        for level in LEVELS[1:]:
            commitment = CommitmentParameters(level, length, largest, extra, num_clients)
            found = cls(commitment, bounded, bound, free_largest, quality_largest)
            if found.largest_norm >> MAX_NORM_BITS:
                raise CapacityError(
                    f"norms up to {found.largest_norm}, of which at most 2^{MAX_NORM_BITS} can be "
                    "proven: lower the bound, or the bits of the integers"
                )
            if found.binding_norm_bits <= level.binding_bits:
                return found
        raise CapacityError(
            f"proofs of a norm up to {bound} leave integers up to 2^{found.binding_norm_bits:.1f}, "
            f"and commitments bind below 2^{level.binding_bits:.1f}"
        )

    @property
    def level(self) -> Level:
        """The ring of the commitment, whose degree rows have too."""
        return self.commitment.level

    @property
    def slots(self) -> int:
        """Integers in a row; the rest of its N numbers are uniform."""
        return self.level.degree - QUERIES

    @property
    def places(self) -> int:
        """n: columns of the codewords."""
        return BLOW_UP * self.level.degree

    @property
    def largest_norm(self) -> int:
        """That of all integers of an honest prover but the masks, |w|."""
        commitment, quality = self.commitment, self.quality_largest or 0
        free = commitment.length - len(commitment.extra_largest) - self.bounded
        hiding = 2 * self.level.degree * commitment.distribution.largest**2
        bound = self.bound * (1 if self.quality_largest is None else quality)
        squares = bound**2 + free * self.free_largest**2 + hiding + quality**2 + 2 * quality
        return isqrt(squares) + 1

    @property
    def largest_sum(self) -> int:
        """The largest magnitude of an honest prover's random sums."""
        return _TAIL * self.largest_norm

    @property
    def largest_mask(self) -> int:
        """The largest magnitude of a mask."""
        return _MASK_FACTOR * SUMS * self.largest_sum

    @property
    def largest_masked(self) -> int:
        """Z: that of a random sum under a mask."""
        return self.largest_mask - self.largest_sum

    @property
    def proven_norm(self) -> int:
        """The largest norm of all integers but the masks for which random sums are so small."""
        return isqrt(ceil(2 * self.largest_masked**2 / THETA)) + 1

    @property
    def binding_norm_bits(self) -> float:
        """Log2 of the largest norm by which an accepted sum and what was proven can differ."""
        opened = 2 ** (self.commitment.norm_bits - 1)
        return log2(opened + self.commitment.num_clients * self.proven_norm)

    @cached_property
    def primes(self) -> tuple[int, ...]:
        """Those of the commitment, and more until neither squares nor random sums can wrap."""
        integers = self.commitment.length + 10 * self.level.degree  # and zeros that fill rows
        needed = max(4 * self.proven_norm**2, 16 * integers * self.largest_masked)
        least = len(self.level.primes)
        return next(
            PRIMES[:count]
            for count in range(least, len(PRIMES) + 1)
            if needed < prod(PRIMES[:count])
        )

    @property
    def numbers(self) -> tuple[int, ...]:
        """All that tells these parameters from others, for challenges to depend on."""
        quality = 0 if self.quality_largest is None else 1 + self.quality_largest
        commitment = self.commitment
        shape = (commitment.level.degree, commitment.length, commitment.num_clients)
        return (*shape, *self.primes, self.bounded, self.bound, self.free_largest, quality)

    @property
    def soundness_bits(self) -> float:
        """-log2 of the probability with which a false claim passes, for each set of challenges."""
        small = MASKS * ((1 - (1 - THETA) ** 2 / 3) ** SUMS + 0.5**SUMS)
        algebra = sum((self.places + 1) * float(p) ** -REPETITIONS for p in self.primes)
        missed = (1 / 2 + 1 / BLOW_UP) ** QUERIES
        return -log2(small + algebra + missed)

    @property
    def retry_probability(self) -> float:
        """With which none of the masks suits, so that the prover begins anew."""
        suits = ((2 * self.largest_masked + 1) / (2 * self.largest_mask + 1)) ** SUMS
        return float((1 - suits) ** MASKS)
