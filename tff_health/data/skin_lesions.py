"""The seven diagnoses of HAM10000, which three of our data sets share.

Source: Tschandl, Rosendahl, Kittler 2018, doi:10.1038/sdata.2018.161.
"""

CLASS_NAMES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
"""In the order of their labels, 0 to 6; MedMNIST numbers DermaMNIST's classes in the same way."""

CLASS_COUNTS = (327, 514, 1099, 115, 1113, 6705, 142)
"""Images of each class among HAM10000's 10,015."""
