"""What experiment `privacy` says of attacks: who was a member, and what an update shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tff_health.attacks.membership import MembershipResult
from tff_health.experiments.privacy import attack_figures
from tff_health.experiments.privacy.attack_figures import AttackedImage, Leak
from tff_health.reporting import figures
from tff_health.reporting.report import Section
from tff_health.reporting.tables import Cell, Table


@dataclass(frozen=True, eq=False)
class Attacks:
    """What was found.

    Attributes:
        membership: by group of runs, of the models of the first seed.
        budgets: epsilon of each group, infinite without differential privacy.
        views: names of what the server sees of one client's step on one image.
        images: that were sought in each of these views, and what was found.
    """

    membership: dict[str, MembershipResult]
    budgets: dict[str, float]
    views: list[str]
    images: list[AttackedImage]


def membership_table(attacks: Attacks) -> Table:
    """Returns what membership inference found, of every model and attack."""
    rows: list[Sequence[Cell]] = []
    for group, result in attacks.membership.items():
        for found in (result.threshold, result.trained):
            values = (
                (getattr(found.found, name), getattr(found.errors, name))
                for name in ("auc", "advantage", "tpr_at_low_fpr")
            )
            cells = [f"{value:.3f} ± {error:.3f}" for value, error in values]
            rows.append((group, found.name, *cells))
    return Table(
        "membership",
        "Membership inference against the final models of the first seed, with standard errors",
        ("", "attack", "AUC", "advantage", "true positives at 1 % false ones"),
        rows,
    )


def summary(attacks: Attacks) -> dict[str, Any]:
    """Returns what was found, as in summary.json."""
    return {
        "membership": [
            {
                "name": group,
                "attack": result.best.name,
                "auc": result.best.found.auc,
                "auc_error": result.best.errors.auc,
                "advantage": result.best.found.advantage,
                "advantage_error": result.best.errors.advantage,
            }
            for group, result in attacks.membership.items()
        ],
        "gradient_inversion": [
            {"view": view, "psnr_db": found.psnr, "ssim": found.ssim}
            for image in attacks.images
            for view, found in zip(attacks.views, image.found, strict=True)
        ],
    }


def sections(folder: Path, attacks: Attacks, table: Table) -> list[Section]:
    """Returns the report's sections on attacks, and leaves their figures.

    Args:
        folder: of the experiment.
        attacks: what was found.
        table: of `membership_table`.
    """
    written = []
    if attacks.membership:
        written.append(
            Section(
                "Who was a member?",
                [
                    "An attacker who has the final model and an image with its true class tells "
                    "whether the image was trained on, by the loss, or by a logistic regression "
                    "that was trained on images of which it knows. An AUC of 0.5 is guessing. "
                    "Models that generalise well give little away even without noise; what "
                    "epsilon bounds is what any attack on any image can find, not what these do."
                ],
                figures=[_draw_membership(folder, attacks)],
                tables=[table],
            )
        )
    if attacks.images:
        figure = attack_figures.reconstructions(attacks.views, attacks.images)
        path = figures.save(figure, folder / "figures", "gradient_inversion")
        written.append(
            Section(
                "What does one update show?",
                [
                    "A curious server looks for the image whose gradient is nearest to what it saw "
                    "of a client that took its first step on one image (Geiping et al. 2020): the "
                    "plain update; the upload of a real session of double masking, in which masks "
                    "have not cancelled; and the private step, with hardly any noise (its "
                    "deviation as a part of the clipping norm) and under each budget, for an "
                    "attacker who knows all other images of the lot. The network is tanh_cnn as "
                    "it begins."
                ],
                figures=[(path, "What was found; below, PSNR in dB and structural similarity.")],
            )
        )
    return written


def _draw_membership(folder: Path, attacks: Attacks) -> tuple[Path, str]:
    lines: dict[str, list[Leak]] = {}
    for group, result in attacks.membership.items():
        for kind, found in (("threshold", result.threshold), ("trained", result.trained)):
            lines.setdefault(kind, []).append(
                Leak(
                    *(attacks.budgets[group], found.found.auc, found.errors.auc),
                    *(found.found.advantage, found.errors.advantage),
                )
            )
    chance = next(iter(attacks.membership.values())).chance_advantage
    figure = attack_figures.membership(lines, chance)
    path = figures.save(figure, folder / "figures", "membership_inference")
    return path, "Membership inference over epsilon, with 95 % intervals."
