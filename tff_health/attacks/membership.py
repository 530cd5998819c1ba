"""Membership inference: telling from a model's outputs which examples it was trained with.

The attacks are those of TensorFlow Privacy's `membership_inference_attack`: thresholds on the loss
and on the modified entropy, and logistic regression. They are written out here because that part
left TensorFlow Privacy with release 0.9, and the package that it moved to cannot be imported beside
our scikit-learn 1.7. Given the same outputs, thresholds find the same here to all digits.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax, xlogy
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tff_health.attacks.roc import Measures, Roc
from tff_health.data.seeds import generator

SMALLEST: Final = 20
"""Fewest members, and fewest others, that an attack is tried on."""

_FOLDS = 2  # an attacker never judges what it was trained on
_TRIALS = 3  # folds within these, to choose the regularisation
_STRENGTHS = np.logspace(-4, 2, 10)


@dataclass(frozen=True, eq=False)
class Outputs:
    """What a model answers to examples.

    Attributes:
        logits: float (n, classes), finite, with n at least 20 and two classes or more.
        labels: integers (n,), the true classes.

    Raises:
        ValueError: for other shapes, types or values.
    """

    logits: NDArray[np.float32]
    labels: NDArray[np.integer[Any]]

    def __post_init__(self) -> None:
        if self.logits.ndim != 2 or self.logits.shape[1] < 2 or self.logits.dtype.kind != "f":
            raise ValueError(
                f"logits must be float (n, classes) with classes >= 2, not {self.logits.dtype} "
                f"{self.logits.shape}"
            )
        count, classes = self.logits.shape
        if self.labels.shape != (count,) or self.labels.dtype.kind not in "iu":
            raise ValueError(
                f"labels must be integers ({count},), not {self.labels.dtype} {self.labels.shape}"
            )
        if count < SMALLEST:
            raise ValueError(f"{count} examples: an attack needs {SMALLEST} or more")
        beyond = int(np.count_nonzero(~np.isfinite(self.logits)))
        if beyond:
            raise ValueError(f"{beyond} logits are not finite: the model diverged")
        if self.labels.min() < 0 or self.labels.max() >= classes:
            raise ValueError(
                f"labels {self.labels.min()} to {self.labels.max()}, but classes are 0 to "
                f"{classes - 1}"
            )


@dataclass(frozen=True)
class AttackResult:
    """How well one attack tells members from others.

    Attributes:
        name: "loss", "entropy" or "logistic regression".
        found: AUC, advantage and true positive rate at a false positive rate of 1 %.
        errors: the standard errors of these, by bootstrap over the examples.
    """

    name: str
    found: Measures
    errors: Measures


@dataclass(frozen=True)
class MembershipResult:
    """What membership inference found out about one model.

    Attributes:
        threshold: the better of the attacks that compare a score with a threshold.
        trained: the attacker that was trained on a half of the examples and judges the other, and
            the other way round.
        members: number of members that were judged.
        others: number of non-members, as many.
        chance_advantage: the advantage that an attack on a model that leaks nothing stays below
            in 19 of 20 cases; an advantage is a maximum, and so above 0 by chance (Kolmogorov and
            Smirnov's test). The better of two attacks passes it a little more often.
    """

    threshold: AttackResult
    trained: AttackResult
    members: int
    others: int
    chance_advantage: float

    @property
    def best(self) -> AttackResult:
        """The attack with the larger AUC."""
        return max(self.threshold, self.trained, key=lambda attack: attack.found.auc)


def infer_membership(member: Outputs, other: Outputs, seed: int = 0) -> MembershipResult:
    """Attacks a model by its outputs on members and on others.

    The attacker knows the true classes and, to train, which of half the examples were members: more
    than most attackers do, so the result bounds theirs.

    Args:
        member: outputs on examples that the model was trained with.
        other: on examples of the same distribution that it was not trained with. Of the larger
            side as many are drawn as the smaller has.
        seed: of that draw, of the attacker's folds and of the bootstrap.

    Raises:
        ValueError: if the numbers of classes differ.

    Source: Song and Mittal 2021, "Systematic evaluation of privacy risks of machine learning
    models" (modified entropy); Shokri et al. 2017 (trained attackers).
    """
    classes = member.logits.shape[1], other.logits.shape[1]
    if classes[0] != classes[1]:
        raise ValueError(f"members have logits of {classes[0]} classes, others of {classes[1]}")
    count = min(len(member.labels), len(other.labels))
    draw = generator(seed, "membership")
    both = [_drawn(outputs, count, draw) for outputs in (member, other)]
    logits = np.concatenate([outputs.logits for outputs in both]).astype(np.float64)
    labels = np.concatenate([outputs.labels for outputs in both])
    is_member = np.arange(2 * count) < count

    losses = _losses(logits, labels)
    entropies = _modified_entropy(logits, labels, losses)
    features = np.column_stack([logits, losses])
    learned = _trained_scores(features, is_member, generator(seed, "membership folds"))
    threshold = max(
        _judge("loss", -losses, is_member, seed),
        _judge("entropy", -entropies, is_member, seed),
        key=lambda attack: attack.found.auc,
    )
    return MembershipResult(
        threshold=threshold,
        trained=_judge("logistic regression", learned, is_member, seed),
        members=count,
        others=count,
        chance_advantage=float(1.358 * np.sqrt(2 / count)),  # 1.358: the 95 % point of K
    )


def _drawn(outputs: Outputs, count: int, draw: np.random.Generator) -> Outputs:
    chosen = draw.permutation(len(outputs.labels))[:count]
    return Outputs(outputs.logits[chosen], outputs.labels[chosen])


def _losses(logits: NDArray[np.float64], labels: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """Cross-entropy in nats; exact down to e^-700, where probabilities are 1 to all digits."""
    rows = np.arange(len(labels))
    against = logits - logits[rows, labels][:, None]
    against[rows, labels] = -np.inf
    return np.logaddexp(0, logsumexp(against, axis=1))  # type: ignore[no-any-return]


def _modified_entropy(
    logits: NDArray[np.float64],
    labels: NDArray[np.integer[Any]],
    losses: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Song and Mittal's equation (8): small for a confident right answer, large for a wrong one."""
    rest = softmax(logits, axis=1)
    rest[np.arange(len(labels)), labels] = 0
    tiny = np.finfo(float).tiny
    others = -xlogy(rest, np.maximum(1 - rest, tiny)).sum(axis=1)
    return others + rest.sum(axis=1) * losses  # type: ignore[no-any-return]


def _trained_scores(
    features: NDArray[np.float64], is_member: NDArray[np.bool_], draw: np.random.Generator
) -> NDArray[np.float64]:
    """For each example the probability of membership by an attacker that did not see it."""
    order = draw.permutation(len(features))
    features, is_member = features[order], is_member[order]
    scores = np.empty(len(features))
    for learn, judge in StratifiedKFold(_FOLDS).split(features, is_member):
        attacker = GridSearchCV(
            make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
            {"logisticregression__C": _STRENGTHS},
            cv=_TRIALS,
        )
        attacker.fit(features[learn], is_member[learn])
        scores[judge] = attacker.predict_proba(features[judge])[:, 1]
    unshuffled = np.empty_like(scores)
    unshuffled[order] = scores
    return unshuffled


def _judge(
    name: str, scores: NDArray[np.float64], is_member: NDArray[np.bool_], seed: int
) -> AttackResult:
    roc = Roc(scores[is_member], scores[~is_member])
    errors = roc.standard_errors(generator(seed, "membership bootstrap"))
    return AttackResult(name, roc.measures(), errors)
