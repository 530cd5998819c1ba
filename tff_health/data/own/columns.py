"""What the columns of a table of images mean, by their names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tff_health.data.own.listed import shortened
from tff_health.data.own.tables import Table

# Without what stands between words; the first that is there is taken.
_IMAGE = (
    *("image", "imageid", "isicid", "imagename", "imagefile", "imagepath", "filename", "filepath"),
    *("file", "path", "img"),
)
_LABEL = ("label", "class", "classname", "diagnosis", "dx", "category", "target")
_PATIENT = ("patient", "patientid", "subject", "subjectid")
_GROUP = ("group", "groupid")
_LESION = ("lesion", "lesionid")
_SITE = ("site", "siteid", "hospital", "institution", "center", "centre", "source", "dataset")
_SPLIT = ("split", "subset", "partition")


@dataclass(frozen=True)
class Columns:
    """Places of columns; None where there is none.

    Attributes:
        names: of all columns.
        image: name or path of each image.
        label: its class; None if each class has a column.
        one_hot: columns that may be of one class each; none if one column has them all.
        group: what keeps images together: the patient, else a group, else the lesion.
        site: the hospital.
        split: train, val or test.
    """

    names: tuple[str, ...]
    image: int | None
    label: int | None
    one_hot: tuple[int, ...]
    group: int | None
    site: int | None
    split: int | None

    @property
    def tells_groups(self) -> bool:
        """Whether it says which images belong together."""
        return self.group is not None

    @property
    def used(self) -> tuple[int, ...]:
        """Those that mean something; a column a class is looked at by its values."""
        found = (self.image, self.label, self.group, self.site, self.split)
        return tuple(place for place in found if place is not None)

    @property
    def problem(self) -> str:
        """Says what is missing; "" if nothing is."""
        has_label = self.label is not None or self.one_hot
        needed = (("image", self.image is not None), ("label", has_label))
        missing = [name for name, is_there in needed if not is_there]
        if not missing:
            return ""
        there = shortened(self.names) or "none"
        return (
            f"has no column {' and none '.join(missing)}; it has {there}: "
            "its first line must name them (label may be a column for each class)"
        )


def find_columns(names: Sequence[str]) -> Columns:
    """Finds out what columns mean; of a column a class, whatever is left over is taken for one."""
    plain = [re.sub(r"[^a-z0-9]", "", name.lower()) for name in names]

    def first(known: Sequence[str]) -> int | None:
        return next((plain.index(name) for name in known if name in plain), None)

    image, label = first(_IMAGE), first(_LABEL)
    group, site, split = first((*_PATIENT, *_GROUP, *_LESION)), first(_SITE), first(_SPLIT)
    one_hot: tuple[int, ...] = ()
    if image is not None and label is None:
        known = {*_IMAGE, *_PATIENT, *_GROUP, *_LESION, *_SITE, *_SPLIT}
        rest = tuple(n for n, name in enumerate(plain) if name not in known)
        one_hot = rest if len(rest) > 1 else ()
    return Columns(tuple(names), image, label, one_hot, group, site, split)


def class_columns(table: Table, columns: Columns) -> tuple[int, ...]:
    """Returns those columns of which every value is 0 or 1, as of a column for each class."""
    return tuple(
        place
        for place in columns.one_hot
        if {is_one(text) for text in table.column(place)} <= {True, False}
    )


def is_one(text: str) -> bool | None:
    """Returns whether a text says 1 (or true) rather than 0; None if it says neither."""
    try:
        return {1.0: True, 0.0: False}.get(float(text))
    except ValueError:
        return {"true": True, "false": False}.get(text.lower())
