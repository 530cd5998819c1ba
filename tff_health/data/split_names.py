"""The names of splits, what they mean, and how many copies they have; free to import."""

COPIES = 8  # 90,135 images of the paper = 9 x 10,015: each image and eight copies
SPLITS = ("clean", "paper", "given")
COPIES_BY_SPLIT = {"paper": COPIES, "given": 0}
"""Splits that say themselves how many augmented copies of an image there are."""


def split_warnings(split: str) -> list[str]:
    """Returns what a reader of accuracies on this split must not overlook."""
    return [_LEAKS] if split == "paper" else []


_LEAKS = (
    "The split is the paper's: copies of one image, and images of one lesion, stand in "
    "both parts. It leaks, and these accuracies are higher than on unseen patients. "
    "--split=clean keeps lesions apart."
)
