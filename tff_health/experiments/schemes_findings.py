"""What follows from the runs of experiment `schemes`, and what differs from the paper."""

import numpy as np

from tff_health.settings.config import RunConfig
from tff_health.studies.comparison import Comparison

REFERENCE, MASKED = "zhang", "bonawitz"
PAPER_ACCURACY = 76.9
PAPER_TIME_RATIO = 1.1503
FIVE = ("fedavg", "bonawitz", "fedopt", "fang", "zhang")
"""The paper's schemes, in its order."""


def time_ratio(compared: Comparison) -> float:
    """Scheme V's time of a round over that of scheme II, the mean over seeds."""
    return float(np.mean(compared.seconds(REFERENCE) / compared.seconds(MASKED)))


def of_the_paper(compared: Comparison) -> list[str]:
    """Returns the groups that are the paper's schemes; the others are baselines."""
    return [group for group in compared.groups if group in FIVE]


def lead(compared: Comparison) -> str:
    """What follows from the runs, in two sentences."""
    final = {s: 100 * compared.final(s, "final_accuracy").mean() for s in of_the_paper(compared)}
    secure = {scheme: accuracy for scheme, accuracy in final.items() if scheme != "fedavg"}
    best, worst = (pick(secure, key=lambda s: secure[s]) for pick in (max, min))
    return (
        f"Without protection (fedavg) the model classifies {final['fedavg']:.1f} % of the test "
        f"images correctly; under the four schemes that protect updates {secure[worst]:.1f} % "
        f"({worst}) to {secure[best]:.1f} % ({best}). A round of zhang, which also hides the "
        f"qualities of the data, takes {time_ratio(compared):.2f} times as long as one of bonawitz."
    )


def findings(config: RunConfig, compared: Comparison, test_images: int) -> list[str]:
    """What follows from the runs; a paragraph each."""
    accuracy = {s: 100 * compared.final(s, "final_accuracy").mean() for s in of_the_paper(compared)}
    ranked = sorted(accuracy, key=lambda scheme: -accuracy[scheme])
    order = ", ".join(f"{scheme} {accuracy[scheme]:.1f} %" for scheme in ranked)
    best = accuracy[ranked[0]] / 100
    error = 100 * (best * (1 - best) / test_images) ** 0.5
    lines = [
        f"Final test accuracy: {order}. With {test_images:,} test images, an accuracy has a "
        f"standard error of about {error:.1f} points, and seeds add to that."
    ]
    behind = [s for s in accuracy if accuracy["fedavg"] - accuracy[s] > 1]
    if behind:
        lines.append(
            f"More than one point below fedavg: {', '.join(behind)}."
            + (
                " fedopt sends one value for the largest "
                f"{100 * config.sums.sparsity:.3g} % of an update's coordinates; the rest waits in "
                "the clients' memory, so it learns more slowly."
                if "fedopt" in behind
                else ""
            )
        )
    best, at = compared.best(REFERENCE)
    if config.data.dataset == "ham10000" and config.data.split == "paper":
        reached = "reached" if 100 * best >= PAPER_ACCURACY else "not reached"
        lines.append(
            f"The paper's {PAPER_ACCURACY} % for its own scheme is {reached}: zhang's best is "
            f"{100 * best:.1f} %, after round {at}."
        )
    equal = compared.line("bonawitz", "test_accuracy").values
    apart = np.abs(equal - compared.line(REFERENCE, "test_accuracy").values).max()
    lines.append(
        f"Weighting by data quality changes test accuracy by at most {100 * apart:.1f} points in "
        "any round here."
    )
    lines.append(
        f"A round of zhang takes {time_ratio(compared):.2f} times as long as one of bonawitz (the "
        f"paper: {PAPER_TIME_RATIO:.2f} at round 300), most of it training."
    )
    others = [g for g in compared.groups if g not in of_the_paper(compared)]
    if others:
        means = ", ".join(
            f"{group} {100 * compared.final(group, 'final_accuracy').mean():.1f} %"
            for group in others
        )
        lines.append(f"Baselines: {means}.")
    return lines


def differences(config: RunConfig, compared: Comparison) -> list[str]:
    """What is not as in the paper; a paragraph each."""
    slow = compared.groups["fang"][0]
    lines = [
        "The paper says of homomorphic schemes that rounding costs accuracy. It does not here: "
        f"updates are rounded to multiples of 2^-{config.sums.fraction_bits}, and bonawitz and "
        "fang have the same model, bit for bit. What costs fedopt accuracy is compression.",
        "The paper's Table 1 leaves open whether scheme I supports dropouts; plain averaging needs "
        "nobody to stay.",
        f"In bytes, from the least: {', '.join(_by_bytes(compared))}. The paper finds scheme I the "
        "cheapest and scheme III the dearest. Here fedopt codes its positions, encrypts equal "
        "values once and sends models down as changes; the paper does not say how it sent them.",
        "Bytes are the lengths of all encoded messages, with headers, signatures and "
        "authentication tags, and with the model that goes down to every client.",
        "The paper ran clients as processes on six cores. Here TFF's workers train as many at once "
        "as there are processors, and roles of a protocol compute one after the other.",
    ]
    if slow.encrypted_rounds < len(slow.rows):
        lines.append(
            f"The {slow.encrypted_rounds} first rounds of fang were run with every parameter "
            "encrypted, and losses and accuracies were those of bonawitz in every bit. Its other "
            "rounds are bonawitz's, and their costs are those of the encrypted rounds, scaled: in "
            "summary.json the run is marked as simulated."
        )
    if config.data.split == "paper":
        lines.append(
            "The split is the paper's, and it leaks: nearly every test image has a copy of itself, "
            "or another image of the same lesion, in the training part."
        )
    return lines


def _by_bytes(compared: Comparison) -> list[str]:
    def total(scheme: str) -> int:
        run = compared.groups[scheme][0].outcome
        return run.bytes_up + run.bytes_down

    return sorted(of_the_paper(compared), key=total)
