"""How well a score tells two groups apart, and how certain that is."""

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

LOW_FPR = 0.01
_RESAMPLES = 200


@dataclass(frozen=True)
class Measures:
    """Of one ROC curve; or their standard errors.

    Attributes:
        auc: area under the curve, 0 to 1; 0.5 is guessing.
        advantage: largest |true positive rate - false positive rate| over all thresholds, 0 to 1
            (Yeom et al. 2018, definition 4).
        tpr_at_low_fpr: largest true positive rate with a false positive rate of at most 1 %
            (Carlini et al. 2022, "Membership inference attacks from first principles").
    """

    auc: float
    advantage: float
    tpr_at_low_fpr: float


class Roc:
    """The ROC curve of a score that should be larger for positives.

    Args:
        positives: float (p,), finite scores.
        negatives: float (n,), likewise.
    """

    def __init__(self, positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> None:
        self._sizes = len(positives), len(negatives)
        scores = np.concatenate([positives, negatives])
        self._order = np.argsort(-scores, kind="stable")
        ordered = scores[self._order]
        self._starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])  # of equal scores

    def measures(self) -> Measures:
        """The measures of the scores as they are."""
        return self._measures(*(np.ones(size, np.int64) for size in self._sizes))

    def standard_errors(self, draw: np.random.Generator) -> Measures:
        """Standard errors of the measures, by bootstrap within both groups."""
        drawn = []
        for _ in range(_RESAMPLES):
            counts = (draw.multinomial(size, np.full(size, 1 / size)) for size in self._sizes)
            drawn.append(astuple(self._measures(*counts)))
        return Measures(*np.std(drawn, axis=0, ddof=1).tolist())

    def _measures(self, positives: NDArray[np.int64], negatives: NDArray[np.int64]) -> Measures:
        """With each score counted so many times: the scores are sorted only once."""
        true = self._rates(np.concatenate([positives, np.zeros_like(negatives)]))
        false = self._rates(np.concatenate([np.zeros_like(positives), negatives]))
        return Measures(
            auc=float(np.trapz(true, false)),
            advantage=float(np.abs(true - false).max()),
            tpr_at_low_fpr=float(true[false <= LOW_FPR].max()),
        )

    def _rates(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Share of the group at or above each threshold, from above all scores downwards."""
        steps = np.add.reduceat(counts[self._order], self._starts).cumsum()
        return np.concatenate([[0.0], steps / steps[-1]])
