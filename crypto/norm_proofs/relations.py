"""What holds of the rows of a norm proof if its claim is true, in random sums.

For each prime and repetition: the sum of all integers, each with a weight, and of the squares of
rows, each row with a weight, has one value. The weights follow from challenges; if one of the
relations is false, so is the sum, but with probability 1/p.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crypto.commitments.commitment import Commitment, weights_of
from crypto.commitments.transform import Residues
from crypto.norm_proofs.layout import Layout
from crypto.norm_proofs.parameters import REPETITIONS, SUMS, NormParameters
from crypto.norm_proofs.projection import Projection
from crypto.norm_proofs.row_code import RowCode
from crypto.norm_proofs.transcript import residues
from crypto.primitives.prg import Keystream


@dataclass(frozen=True)
class Claim:
    """What the relations are of, beside challenges.

    Attributes:
        parameters: of the proof.
        commitment: what is committed to.
        projection: the weights of the random sums.
        mask: which masks are taken.
        sums: shape (`SUMS`,), under these masks.
    """

    parameters: NormParameters
    commitment: Commitment
    projection: Projection
    mask: int
    sums: NDArray[np.int64]


@dataclass(frozen=True)
class Relations:
    """The sums of all relations modulo one prime.

    Attributes:
        linear: shape (`REPETITIONS`, rows, N): weights of the numbers of rows.
        squares: shape (`REPETITIONS`, rows): weights of the sums of their squares.
        values: shape (`REPETITIONS`,): what the sums should be.
    """

    linear: Residues
    squares: Residues
    values: Residues

    def of(self, code: RowCode, numbers: Residues) -> Residues:
        """Return the summands at places, whose sum over the slots the relations are about.

        Args:
            code: of the prime.
            numbers: shape (rows, places): the values of rows at places, at which `linear` stands.

        Returns:
            Shape (`REPETITIONS`, places).
        """
        reduce = code.ring.reduce
        total = code.product(self.squares, reduce(numbers * numbers))
        linear = [reduce(weights * numbers).sum(axis=0) for weights in self.linear]
        return reduce(total + np.stack(linear))

    def at(self, code: RowCode, powers: Residues) -> "Relations":
        """Return the same with its linear weights, as polynomials, at other places.

        Args:
            code: of the prime.
            powers: of these places, as `RowCode.powers` returns them.
        """
        moved = [code.product(code.coefficients(rows), powers) for rows in self.linear]
        return Relations(np.stack(moved), self.squares, self.values)

    def on_first_shift(self, code: RowCode) -> "Relations":
        """Return the same with its linear weights, as polynomials, on the first shift of H."""
        moved = [code.on_shift(code.coefficients(rows), 1) for rows in self.linear]
        return Relations(np.stack(moved), self.squares, self.values)


def relations(claim: Claim, code: RowCode, challenges: Keystream) -> Relations:
    """Return the sums of all relations modulo one prime, with weights read off challenges."""
    drawn = [_relation(claim, code, challenges) for _ in range(REPETITIONS)]
    linear, squares, values = zip(*drawn, strict=True)
    return Relations(np.stack(linear), np.stack(squares), np.array(values))


def _relation(
    claim: Claim, code: RowCode, challenges: Keystream
) -> tuple[Residues, Residues, float]:
    p, prime, reduce = claim.parameters, code.prime, code.ring.reduce
    layout = Layout(p)
    of_sums = residues(challenges, (SUMS,), prime)
    norm, low, high = residues(challenges, (3,), prime)
    flat = np.zeros(layout.rows * p.slots)
    flat[: layout.summed] = claim.projection.weights(of_sums)
    layout.block(flat, 5)[claim.mask * SUMS :][:SUMS] = of_sums
    value = _inner(of_sums, reduce(np.mod(claim.sums, prime).astype(np.float64)), code)
    if prime in p.level.primes:
        given = residues(challenges, (p.level.degree,), prime)
        _add_commitment(flat, layout, given, prime)
        committed = claim.commitment.values[p.level.primes.index(prime)]
        value += _inner(given, reduce(committed.astype(np.float64)), code)
    squares = np.zeros(layout.rows)
    blocks = np.split(squares, layout.row_ends[:-1])
    blocks[0][:], blocks[2][:], blocks[3][:] = norm, low, high
    bound = _times(norm, p.bound**2, prime)
    if p.quality_largest is None:
        value += bound
    else:
        blocks[1][:] = -bound
        quality = flat[layout.row_ends[0] * p.slots :][: p.slots]
        quality[0] += high - low
        quality[1:] += residues(challenges, (p.slots - 1,), prime)  # all but q are 0
        value += _times(high, p.quality_largest, prime)
    rows = np.zeros((layout.rows, p.level.degree))
    rows[:, : p.slots] = reduce(flat).reshape(layout.rows, p.slots)
    return rows, squares, float(reduce(np.array([value]))[0])


def _add_commitment(flat: Residues, layout: Layout, given: Residues, prime: int) -> None:
    p = layout.parameters
    integers, secret, error = weights_of(given, prime, p.commitment)
    ends = len(integers) - len(p.commitment.extra_largest)
    layout.block(flat, 0)[: p.bounded] += integers[ends - p.bounded : ends]
    if p.quality_largest is not None:
        layout.block(flat, 1)[:] += integers[-1]
    others = np.concatenate([integers[: ends - p.bounded], secret, error])
    layout.block(flat, 4)[:] += others


def _inner(left: Residues, right: Residues, code: RowCode) -> float:
    return float(code.ring.reduce(left * right).sum())


def _times(residue: float, number: int, prime: int) -> float:
    """Return the centred residue of a residue times any integer."""
    product = int(residue) * number % prime
    return float(product - prime if product > prime // 2 else product)
