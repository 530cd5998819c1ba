"""The data sets by name: the one table that flags, messages and readers go by.

A path is the name of a user's own images. Importing this is cheap. A reader, and the libraries that
it needs, are imported by `load`.
"""

from __future__ import annotations

import importlib
import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tff_health.data.folders import expanded
from tff_health.data.reading import AS_THEY_COME, Reading
from tff_health.errors import ConfigError, DataError

if TYPE_CHECKING:
    from tff_health.data.images import LabelledImages

FETCH = "To download it: python -m tff_health.data fetch"


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """What is known of a data set before it is read.

    Attributes:
        name: as in `--dataset`.
        description: one line for people.
        reader: "module:function" in this package; returns LabelledImages. "" of a user's own.
        splits: names of the splits that make sense for it, the preferred one first. "clean" keeps
            a group's images together, "paper" draws after augmentation as published, "given" is
            the publisher's own.
        channel_means: of its images in [0, 1], to two decimals; public constants, measured once.
            None of a user's own images, whose statistics are nobody else's to know.
        channel_deviations: standard deviations of the channels.
        needs: the reader's arguments, of "data_dir" and "cache_dir", in this order.
        forms: the files that it is read from, for people, in the order of preference.
        shows: "lesions", "drawn lesions", "digits" or "own images"; presets go by it.
        has_groups: whether several images may belong together, such as those of one lesion.
        how_to_get: what to do without any of them; {data_dir} stands for the data folder.
    """

    name: str
    description: str
    reader: str
    splits: tuple[str, ...]
    channel_means: tuple[float, ...] = ()
    channel_deviations: tuple[float, ...] = ()
    shows: str = "digits"
    needs: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    has_groups: bool = False
    how_to_get: str = ""

    @property
    def is_own(self) -> bool:
        """Whether these are images of the user's own."""
        return not self.reader

    @property
    def is_embedded(self) -> bool:
        """Whether it needs no file."""
        return not self.forms and not self.is_own


DATA_SETS = {
    data_set.name: data_set
    for data_set in (
        DataSet(
            name="ham10000",
            description="HAM10000: 10,015 dermatoscopic images, 7 diagnoses, at 28x28 in colour",
            shows="lesions",
            reader="ham10000:read",
            splits=("clean", "paper"),
            has_groups=True,
            needs=("data_dir", "cache_dir"),
            forms=(
                "ham10000_28.npz",
                "a table of diagnoses (HAM10000_metadata.csv, the ISIC archive's metadata, the "
                "ground truth of ISIC 2018 task 3) with its JPEG or PNG files, unpacked or zipped",
                "hmnist_28_28_RGB.csv",
                "folders of images named by diagnosis",
            ),
            channel_means=(0.76, 0.55, 0.57),
            channel_deviations=(0.14, 0.15, 0.17),
            how_to_get=(
                "Download HAM10000_metadata and both image archives from "
                "https://doi.org/10.7910/DVN/DBW86T (licence CC BY-NC 4.0) and put them into "
                "{data_dir}"
            ),
        ),
        DataSet(
            name="dermamnist",
            description="DermaMNIST: HAM10000 at 28x28 in MedMNIST's own split",
            shows="lesions",
            reader="dermamnist:read",
            splits=("given",),
            needs=("data_dir",),
            forms=(
                "dermamnist.npz",
                "dermamnist_64.npz, _128 or _224, reduced; the corrected and the extended one",
            ),
            how_to_get=f"{FETCH} dermamnist --data_dir={{data_dir}}",
            channel_means=(0.76, 0.55, 0.57),
            channel_deviations=(0.14, 0.15, 0.17),
        ),
        DataSet(
            name="mnist",
            description="MNIST: 70,000 handwritten digits, 28x28 in grey",
            reader="mnist:read",
            splits=("given",),
            needs=("data_dir",),
            forms=("mnist.npz", "train-images-idx3-ubyte[.gz] and the three others like it"),
            how_to_get=f"{FETCH} mnist --data_dir={{data_dir}}",
            channel_means=(0.13,),
            channel_deviations=(0.31,),
        ),
        DataSet(
            name="synthetic_lesions",
            description="4,000 drawn skin lesions in HAM10000's proportions, 28x28 in colour",
            shows="drawn lesions",
            reader="synthetic_lesions:read",
            splits=("clean", "paper"),
            has_groups=True,
            channel_means=(0.64, 0.50, 0.45),
            channel_deviations=(0.18, 0.15, 0.13),
        ),
        DataSet(
            name="digits",
            description="scikit-learn's 1,797 handwritten digits, scaled to 28x28 in grey",
            reader="embedded:read_digits",
            splits=("clean",),
            channel_means=(0.31,),
            channel_deviations=(0.33,),
        ),
    )
}


def full_name(text: str) -> str:
    """Returns the name of a data set as settings keep it: a path is made absolute.

    Raises:
        ConfigError: if it is neither a name nor a path.
    """
    if text in DATA_SETS:
        return text
    is_path = (
        "/" in text or text.startswith(("~", ".")) or Path(text).suffix or os.path.lexists(text)
    )
    if not text.strip() or not is_path:
        raise ConfigError(
            f"unknown data set '{text}': choose one of {', '.join(DATA_SETS)}, or name the path of "
            "images of your own"
        )
    return str(expanded("--dataset", text).resolve())


def short_name(name: str) -> str:
    """Returns a data set's name for titles and folders: of a path, its last part."""
    if name in DATA_SETS:
        return name
    return re.sub(r"[^\w.-]+", "_", Path(name).name).strip("._") or "images"


def find(name: str) -> DataSet:
    """The data set of this name; what lies at a path is looked at, but not read.

    Raises:
        ConfigError: if there is none.
        DataError: if what lies at the path is no data set.
    """
    if name in DATA_SETS:
        return DATA_SETS[name]
    path = full_name(name)
    # Not at the top of this file: it would load numpy, which flags do not need.
    from tff_health.data.own.look import look

    form = look(Path(path))
    return DataSet(
        name=path,
        description=f"images of your own in {path}",
        reader="",
        splits=("given", "clean") if form.has_test else ("clean",),
        shows="own images",
        has_groups=form.tells_groups,
    )


def allowed_splits(images: LabelledImages) -> tuple[str, ...]:
    """The splits that these very images allow: without groups, lesions have no clean one."""
    if images.name not in DATA_SETS:
        return ("clean",) if images.is_test is None else ("given", "clean")
    data_set = DATA_SETS[images.name]
    if data_set.has_groups and images.groups is None:
        return tuple(split for split in data_set.splits if split != "clean")
    return data_set.splits


def load(
    name: str, data_dir: Path | None, cache_dir: Path, reading: Reading = AS_THEY_COME
) -> LabelledImages:
    """Reads a data set.

    Args:
        name: one of `DATA_SETS`, or the path of images of the user's own.
        data_dir: folder of the data files; embedded data sets ignore it and can do without, and so
            do images at a path.
        cache_dir: folder for what is slow to compute; made if needed.
        reading: what is made of images at a path; others come as they are.

    Raises:
        ConfigError: if there is no such data set, or it needs a data folder and has none.
        DataError: if its files are missing (the message says where they were looked for and how to
            get them), unreadable, damaged or not what they should be.
    """
    if name not in DATA_SETS:
        from tff_health.data.own.read import read

        return read(Path(full_name(name)), reading, cache_dir)
    data_set = DATA_SETS[name]
    if data_dir is None and not data_set.is_embedded:
        raise ConfigError(f"data set '{name}' is read from files: say where they are (--data_dir)")
    # Not at the top of this file, as before.
    from tff_health.data.files import MissingFilesError

    module, function = data_set.reader.split(":")
    reader = getattr(importlib.import_module(f"tff_health.data.{module}"), function)
    folders = {"data_dir": data_dir, "cache_dir": cache_dir}
    try:
        images: LabelledImages = reader(*(folders[need] for need in data_set.needs))
    except MissingFilesError as error:
        how_to_get = data_set.how_to_get.format(data_dir=shlex.quote(str(data_dir)))
        raise DataError(f"{name}: {error}. {how_to_get}") from None
    return images
