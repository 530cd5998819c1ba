"""How image files of any size and kind become the images of one data set; free to import."""

from dataclasses import dataclass

FITS = ("crop", "pad")
DEFAULT_SIDE = 64
"""Pixels of a side where neither the user nor the data say otherwise."""
MIN_SIDE, MAX_SIDE = 8, 1024
"""Pixels of a side: fewest, in files as well, as fewer show nothing; and most that are kept."""


@dataclass(frozen=True)
class Reading:
    """What is made of images while they are read.

    Attributes:
        side: height and width in pixels; 0 for `DEFAULT_SIDE`, and of arrays their own size.
        fit: how an image that is not square becomes so: "crop" cuts its longer sides off evenly,
            "pad" adds black evenly to its shorter ones.
        channels: 1 or 3; 0 for 1 if all images are grey, else 3.
        skip_unreadable: whether files that cannot be read are left out; else they are an error.
        columns: names of the numeric columns that are read from a table of images.
    """

    side: int = 0
    fit: str = "crop"
    channels: int = 0
    skip_unreadable: bool = False
    columns: tuple[str, ...] = ()


AS_THEY_COME = Reading()
"""Whatever suits the data."""
