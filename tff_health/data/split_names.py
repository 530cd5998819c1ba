"""The names of splits, and how many augmented copies they have; free to import."""

COPIES = 8  # 90,135 images of the paper = 9 x 10,015: each image and eight copies
SPLITS = ("clean", "paper", "given")
COPIES_BY_SPLIT = {"paper": COPIES, "given": 0}
"""Splits that say themselves how many augmented copies of an image there are."""
