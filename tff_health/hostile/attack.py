"""What hostile clients of a simulation do."""

from dataclasses import dataclass

ON_WRONG_LABELS = ("label_flip", "scale", "lie")
"""Attacks whose clients train on wrong labels."""


@dataclass(frozen=True)
class Attack:
    """An attack, or a norm that is enforced against attacks.

    Attributes:
        kind: of `settings.groups.attack.ATTACKS`, or "none".
        clients: the hostile clients, in increasing order.
        strength: how much of it, see the setting.
        enforced_norm: an update with a larger L2 norm is refused; 0 for none.
        keeps_norm: whether hostile clients keep to it.
        seed: of the run, from which noise is drawn.
    """

    kind: str
    clients: tuple[int, ...]
    strength: float
    enforced_norm: float
    keeps_norm: bool
    seed: int

    @property
    def changes_updates(self) -> bool:
        """Whether hostile clients send something else than what training gave them."""
        return self.kind in ("scale", "noise") or (self.kind != "none" and self.keeps_norm)
