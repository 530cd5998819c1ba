"""All rows of a norm proof as codewords, and the tree over their columns."""

import numpy as np
from numpy.typing import NDArray

from crypto.commitments.transform import Residues
from crypto.norm_proofs.layout import Layout
from crypto.norm_proofs.parameters import BLOW_UP, REPETITIONS, NormParameters
from crypto.norm_proofs.proof import MASK_ROWS, SALT_BYTES
from crypto.norm_proofs.row_code import RowCode, row_code
from crypto.norm_proofs.transcript import residues
from crypto.norm_proofs.tree import Tree, leaf
from crypto.primitives.prg import SEED_BYTES, Keystream
from crypto.randomness import Randomness


class Board:
    """The rows of a proof, with uniform numbers in them and uniform rows behind them.

    Args:
        integers: shape (rows times slots,), as `Layout.integers` and the masks.
        parameters: of the proof.
        randomness: where what hides them comes from.

    Attributes:
        on_h: for each prime, shape (rows, N): the rows.
        on_shift: for each prime, the same on the first shift of H.
        coefficients: for each prime, shape (rows + `MASK_ROWS`, N): with uniform rows behind.
        columns: shape (places, primes, rows + `MASK_ROWS`), uint32: the columns.
        tree: over them.
    """

    def __init__(
        self, integers: NDArray[np.int64], parameters: NormParameters, randomness: Randomness
    ) -> None:
        degree, rows = parameters.level.degree, Layout(parameters).rows
        self.on_h: list[Residues] = []
        self.on_shift: list[Residues] = []
        self.coefficients: list[Residues] = []
        shape = (parameters.places, len(parameters.primes), rows + MASK_ROWS)
        self.columns = np.empty(shape, np.uint32)
        keystream = Keystream(randomness.bytes(SEED_BYTES))
        for number, prime in enumerate(parameters.primes):
            code = row_code(prime, degree)
            numbers = np.empty((rows, degree))
            numbers[:, : parameters.slots] = _residues(integers, code).reshape(rows, -1)
            hidden = (rows, degree - parameters.slots)
            numbers[:, parameters.slots :] = residues(keystream, hidden, prime)
            masks = residues(keystream, (MASK_ROWS, degree), prime)
            _balance(masks, code, parameters.slots)
            self.on_h.append(numbers)
            self.coefficients.append(np.concatenate([code.coefficients(numbers), masks]))
            self._encode(number, code)
        self.salts = randomness.bytes(SALT_BYTES * parameters.places)
        self.tree = Tree([leaf(self.salt(i), c.tobytes()) for i, c in enumerate(self.columns)])

    def salt(self, place: int) -> bytes:
        """Return the salt of a column."""
        return self.salts[SALT_BYTES * place : SALT_BYTES * (place + 1)]

    def _encode(self, number: int, code: RowCode) -> None:
        for shift in range(1, BLOW_UP + 1):
            values = code.on_shift(self.coefficients[number], shift)
            if shift == 1:
                self.on_shift.append(values[:-MASK_ROWS])
            places = slice((shift - 1) * code.degree, shift * code.degree)
            self.columns[places, number] = np.where(values < 0, values + code.prime, values).T


def sum_masks(masks: NDArray[np.float64]) -> tuple[Residues, Residues, Residues]:
    """Return of uniform rows those that mask sums of relations: low, high and middle ones."""
    low, high, middle = np.split(masks[REPETITIONS:], 3)
    return low, high, middle


def mask_polynomials(masks: Residues, code: RowCode) -> tuple[Residues, Residues]:
    """Return the halves of low + X^(N/2) middle + X^N high, which has 2 N coefficients.

    Three rows make one, as two would tell, at the places opened, the halves of what is masked.
    """
    low, high, middle = sum_masks(masks)
    half = code.degree // 2
    lower, upper = low.copy(), high.copy()
    lower[:, half:] += middle[:, :half]
    upper[:, :half] += middle[:, half:]
    return code.ring.reduce(lower), code.ring.reduce(upper)


def _balance(masks: Residues, code: RowCode, slots: int) -> None:
    """Change the constant coefficients of masks so that they add up to 0 over the slots."""
    sums = code.sums(*mask_polynomials(masks, code), slots)
    inverse = pow(-slots, -1, code.prime)
    low = sum_masks(masks)[0]
    shift = code.ring.reduce(sums * (inverse - (code.prime if inverse > code.prime // 2 else 0)))
    low[:, 0] = code.ring.reduce(low[:, 0] + shift)


def _residues(integers: NDArray[np.int64], code: RowCode) -> Residues:
    return code.ring.reduce(np.mod(integers, code.prime).astype(np.float64))
