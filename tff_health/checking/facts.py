"""What there is to know of a data set before anything is trained on it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tff_health.checking.alike import Alike
from tff_health.data.federated import FederatedImages
from tff_health.data.images import LabelledImages, class_counts

_EXAMPLES = 20
TEST = 0
"""Column of the server's test part in a table of places; the clients follow."""


@dataclass(frozen=True)
class Copies:
    """Images that are alike, and where they stand.

    Attributes:
        found: how many sets of images with the same pixels, or pairs that look the same.
        images: how many images are in them.
        in_training_and_test: sets or pairs of which one image is tested on and another trained on.
        at_several_clients: those of which several clients have one.
        of_several_groups: those whose images belong to different groups; None without groups.
        with_several_labels: those whose images have different labels.
    """

    found: int
    images: int
    in_training_and_test: int
    at_several_clients: int
    of_several_groups: int | None
    with_several_labels: int


@dataclass(frozen=True)
class Groups:
    """Groups, and whether they are divided.

    Attributes:
        number: how many there are.
        largest: images of the largest.
        alone: groups of one image.
        with_several_labels: whose images have different labels.
        in_training_and_test: with images both trained and tested on.
        at_several_clients: with images at several clients.
    """

    number: int
    largest: int
    alone: int
    with_several_labels: int
    in_training_and_test: int
    at_several_clients: int


@dataclass(frozen=True)
class Example:
    """Two images that are alike and should not stand where they do.

    Attributes:
        rows: their positions in the data set, from 0.
        is_same: whether their pixels are the same.
        wrong: what is wrong with them, for people.
    """

    rows: tuple[int, int]
    is_same: bool
    wrong: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """What was found.

    Attributes:
        name: of the data set.
        form: where it was read from, for people.
        images: how many.
        image_shape: (height, width, channels).
        digest: names the content.
        classes: images by class.
        sites: images by site and class; None if sites are unknown.
        groups: None if they are unknown.
        unreadable: how many files could not be read, by reason.
        split: the split that crossings are counted under.
        test_images: in its test part.
        partition: how the rest is shared out.
        clients: how many share it.
        same: images with the same pixels.
        near: pairs that differ and look the same; None if nobody looked.
        near_is_all: whether these are all such pairs.
        examples: the first pairs with which something is wrong.
    """

    name: str
    form: str
    images: int
    image_shape: tuple[int, int, int]
    digest: str
    classes: dict[str, int]
    sites: dict[str, dict[str, int]] | None
    groups: Groups | None
    unreadable: dict[str, int]
    split: str
    test_images: int
    partition: str
    clients: int
    same: Copies
    near: Copies | None
    near_is_all: bool
    examples: tuple[Example, ...]

    def as_json(self) -> dict[str, Any]:
        """As it is written to a file."""
        return asdict(self)


def find_facts(federated: FederatedImages, partition: str, alike: Alike, digest: str) -> Facts:
    """Puts together what there is to know.

    Args:
        federated: images, and what clients and server hold of them.
        partition: how they were shared out, for people.
        alike: which images are.
        digest: of the images.
    """
    images = federated.images
    places = _places(federated)
    by_same = _Sets(alike.same, images, places)
    repeated, near = np.flatnonzero(by_same.sizes > 1), alike.near
    return Facts(
        name=images.name,
        form=images.form,
        images=len(images),
        image_shape=images.image_shape,
        digest=digest,
        classes=class_counts(images.labels, images.class_names),
        sites=_sites(images),
        groups=_groups(images, places),
        unreadable=dict(Counter(reason for _, reason in images.unreadable).most_common()),
        split=federated.split_name,
        test_images=len(np.unique(federated.test.rows)),
        partition=partition,
        clients=len(federated.clients),
        same=by_same.copies([repeated], images=int(by_same.sizes[repeated].sum())),
        near=None
        if near is None
        else by_same.copies([*near.T], int(by_same.sizes[np.unique(near)].sum())),
        near_is_all=alike.is_all,
        examples=_examples(images, places, alike),
    )


def _places(federated: FederatedImages) -> NDArray[np.bool_]:
    """Where an image stands: bool (images, 1 + clients), `TEST` first."""
    places = np.zeros((len(federated.images), 1 + len(federated.clients)), bool)
    places[federated.test.rows, TEST] = True
    for number, client in enumerate(federated.clients):
        places[client.training.rows, 1 + number] = True
        places[client.validation.rows, 1 + number] = True
    return places


class _Sets:
    """Sets of images, and what their images have in common.

    Args:
        set_of: int64 (n,), the number of each image's set, from 0 up.
        images: the images.
        places: of each, see `_places`.
    """

    def __init__(
        self, set_of: NDArray[np.int64], images: LabelledImages, places: NDArray[np.bool_]
    ) -> None:
        count = int(set_of.max()) + 1
        self.sizes = np.bincount(set_of, minlength=count)
        self._places = np.zeros((count, places.shape[1]), bool)
        np.logical_or.at(self._places, set_of, places)
        self._labels = np.zeros((count, images.num_classes), bool)
        self._labels[set_of, images.labels] = True
        self._groups: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
        if images.groups is not None:
            groups = np.unique(images.groups, return_inverse=True)[1]
            least, most = np.full(count, len(groups)), np.full(count, -1)
            np.minimum.at(least, set_of, groups)
            np.maximum.at(most, set_of, groups)
            self._groups = least, most

    def copies(self, parts: Sequence[NDArray[np.int64]], images: int) -> Copies:
        """Counts unions of sets: the i-th is of set `parts[k][i]` for every k."""
        places = np.logical_or.reduce([self._places[part] for part in parts])
        labels = np.logical_or.reduce([self._labels[part] for part in parts])
        groups = None
        if self._groups is not None:
            least = np.min([self._groups[0][part] for part in parts], axis=0)
            groups = int((least < np.max([self._groups[1][part] for part in parts], axis=0)).sum())
        return Copies(
            found=len(parts[0]),
            images=images,
            in_training_and_test=int(_is_divided(places).sum()),
            at_several_clients=int((places[:, 1:].sum(axis=1) > 1).sum()),
            of_several_groups=groups,
            with_several_labels=int((labels.sum(axis=1) > 1).sum()),
        )

    @property
    def everything(self) -> Copies:
        """Of every set by itself."""
        return self.copies([np.arange(len(self.sizes))], images=int(self.sizes.sum()))


def _is_divided(places: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return places[:, TEST] & places[:, 1:].any(axis=1)


def _examples(
    images: LabelledImages, places: NDArray[np.bool_], alike: Alike
) -> tuple[Example, ...]:
    first = np.unique(alike.same, return_index=True)[1]
    again = np.setdiff1d(np.arange(len(images)), first)
    pairs = [(int(first[alike.same[row]]), int(row), True) for row in again]
    near = first[alike.near] if alike.near is not None else np.zeros((0, 2), np.int64)
    pairs += [(*sorted(pair), False) for pair in near.tolist()]
    found = []
    for one, other, is_same in pairs:
        if wrong := _wrong(images, places, one, other):
            found.append(Example((one, other), is_same, wrong))
        if len(found) == _EXAMPLES:
            break
    return tuple(found)


def _wrong(
    images: LabelledImages, places: NDArray[np.bool_], one: int, other: int
) -> tuple[str, ...]:
    union = places[one] | places[other]
    what = {
        "training and test": bool(_is_divided(union[np.newaxis])[0]),
        "several clients": union[1:].sum() > 1,
        "several groups": images.groups is not None and images.groups[one] != images.groups[other],
        "several labels": images.labels[one] != images.labels[other],
    }
    return tuple(name for name, holds in what.items() if holds)


def _sites(images: LabelledImages) -> dict[str, dict[str, int]] | None:
    if images.sites is None:
        return None
    names = sorted(set(images.sites.tolist()))
    return {
        name: class_counts(images.labels[images.sites == name], images.class_names)
        for name in names
    }


def _groups(images: LabelledImages, places: NDArray[np.bool_]) -> Groups | None:
    if images.groups is None:
        return None
    sets = _Sets(np.unique(images.groups, return_inverse=True)[1], images, places)
    found = sets.everything
    return Groups(
        number=found.found,
        largest=int(sets.sizes.max()),
        alone=int((sets.sizes == 1).sum()),
        with_several_labels=found.with_several_labels,
        in_training_and_test=found.in_training_and_test,
        at_several_clients=found.at_several_clients,
    )
