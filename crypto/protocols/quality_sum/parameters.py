"""The public parameters of a joint session, and what a client brings to it."""

from dataclasses import dataclass, field
from typing import Annotated, Final

import numpy as np
from numpy.typing import NDArray

from crypto.codec import Record
from crypto.codings import Flag, Unsigned
from crypto.elgamal.discrete_log import MAX_BOUND
from crypto.encoding.residues import IntegerVector
from crypto.errors import ParameterError

MAX_PHI: Final = 2**62 - 1


@dataclass(frozen=True)
class QualityParameters(Record):
    """What is agreed about the qualities of one session.

    Attributes:
        phi: the paper's public factor of the quality that is added to each coordinate, 0 to
            2^62 - 1.
        max_quality: the largest quality that a client may report, 1 to 2^40.
        proofs: whether uploads prove their quality's range, and partial decryptions that they are
            right.
        checked: whether clients check what they help to decrypt before they do.

    Raises:
        ParameterError: for values out of range.
    """

    phi: Annotated[int, Unsigned(8, most=MAX_PHI)]
    max_quality: Annotated[int, Unsigned(8, 1, MAX_BOUND)]
    proofs: Flag
    checked: Flag

    def check_quality(self, quality: int) -> None:
        """Check a client's quality at the door.

        Raises:
            ParameterError: unless it is an integer from 0 to `max_quality`.
        """
        if isinstance(quality, bool) or not isinstance(quality, int | np.integer):
            raise ParameterError(f"a quality must be an integer, not {type(quality).__name__}")
        if not 0 <= quality <= self.max_quality:
            raise ParameterError(f"a quality must lie in 0..{self.max_quality}")

    def add_quality(
        self, vector: IntegerVector, quality: int, modulus_bits: int
    ) -> NDArray[np.uint64]:
        """Return vector + phi quality, coordinate by coordinate, modulo 2^k; run by a client.

        Source: the real input au_i of equation (16) and section 5.1.
        """
        return self._shifted(vector, self.phi * quality, modulus_bits)

    def remove_qualities(
        self, theta: NDArray[np.uint64], quality_sum: int, modulus_bits: int
    ) -> NDArray[np.uint64]:
        """Return theta - phi quality_sum modulo 2^k; run by the server.

        Source: equation (24), before the division.
        """
        return self._shifted(theta, -self.phi * quality_sum, modulus_bits)

    @staticmethod
    def _shifted(vector: IntegerVector, offset: int, modulus_bits: int) -> NDArray[np.uint64]:
        modulus = 1 << modulus_bits
        shifted = vector.astype(np.uint64)
        shifted += np.uint64(offset % modulus)
        shifted &= np.uint64(modulus - 1)
        return shifted


@dataclass(frozen=True)
class Contribution:
    """What one client brings to a session.

    Attributes:
        vector: its quality times its update, as residues; shape (m,), integers of 32 or 64 bits.
        quality: its quality, 0 to `max_quality`.
    """

    vector: IntegerVector = field(repr=False)
    quality: int = field(repr=False)
