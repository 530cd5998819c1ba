"""What sites are asked to compute on a model, and so which sums are over what they found."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Purpose:
    """Why a model is offered to sites.

    Attributes:
        stage: of a site's role, in which it computes.
        domain: of the digest to which sums for this purpose are bound.
        prefix: of the labels of its protocols, which have keys and journals of their own.
        is_optional: whether the server goes on without the sums if they cannot be had at once.
    """

    stage: str
    domain: str
    prefix: str = ""
    is_optional: bool = False


TRAINING: Final = Purpose("train", "federation/round offer")
VALIDATION: Final = Purpose("validate", "federation/validation offer", "validation ", True)
