"""Partitions of the training part among the clients.

`iid`: equal parts at random. `dirichlet`: each class is shared out by proportions drawn from a
symmetric Dirichlet distribution (Hsu et al. 2019); small alpha, very different clients. `site`: one
client for each site that the images came from. `rare`: equal parts, and the rarer half of the
classes at the last clients alone, e.g. slow ones. `label_noise`: as `iid`, then a fraction of the
clients gets a fraction of its labels replaced by other classes.
"""

from dataclasses import dataclass

import numpy as np

from tff_health.data.examples import Examples
from tff_health.data.images import LabelledImages
from tff_health.data.seeds import generator
from tff_health.errors import DataError

_DIRICHLET_TRIES = 1000
_MIN_EXAMPLES = 2  # one to train on, one to validate on


@dataclass(frozen=True)
class PartitionSpec:
    """How the training part is shared out.

    Attributes:
        kind: "iid", "dirichlet", "site", "rare" or "label_noise".
        num_clients: number of clients, at least 1.
        alpha: concentration of `dirichlet`, above 0.
        noisy_clients: fraction of clients with wrong labels in `label_noise`, in [0, 1].
        noisy_labels: fraction of wrong labels at such a client, in [0, 1].
        rare_clients: fraction of clients, the last ones, that hold the rare classes in `rare`,
            above 0 and at most 1; one client at least.
    """

    kind: str
    num_clients: int
    alpha: float = 0.5
    noisy_clients: float = 0.3
    noisy_labels: float = 0.6
    rare_clients: float = 0.3


def partition(
    images: LabelledImages, train: Examples, spec: PartitionSpec, seed: int
) -> list[Examples]:
    """Shares out `train`: every example goes to exactly one client.

    Returns:
        one `Examples` for each client, each with at least two examples.

    Raises:
        DataError: if there are too few examples, or no sites to part by.
    """
    if len(train) < _MIN_EXAMPLES * spec.num_clients:
        raise DataError(
            f"{spec.num_clients} clients found, but the training part of {images.name} has "
            f"{len(train)} examples and each client needs {_MIN_EXAMPLES}: use fewer clients"
        )
    rng = generator(seed, "partition")
    if spec.kind == "iid":
        return _iid(train, spec.num_clients, rng)
    if spec.kind == "dirichlet":
        return _dirichlet(train, spec.num_clients, spec.alpha, rng)
    if spec.kind == "site":
        return _by_site(images, train, spec.num_clients)
    if spec.kind == "rare":
        return _rare(images, train, spec, rng)
    if spec.kind == "label_noise":
        return _label_noise(images.num_classes, _iid(train, spec.num_clients, rng), spec, rng)
    raise DataError(
        f"partition '{spec.kind}' is unknown; there are iid, dirichlet, site, rare and label_noise"
    )


def with_whole_groups(images: LabelledImages, parts: list[Examples]) -> list[Examples]:
    """Gives every group to the one client that was first given an image of it.

    Returns:
        the parts, each ordered by group.

    Raises:
        DataError: if groups are unknown, or a client loses all.
    """
    if images.groups is None:
        raise DataError(
            f"{images.name} ({images.form}) does not say which images belong together (a lesion, a "
            "patient): use --dp_unit=record"
        )
    _, group_of = np.unique(images.groups, return_inverse=True)
    everything = Examples.joined(parts)
    groups = group_of[everything.rows]
    client_of = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    first = np.unique(groups, return_index=True)[1]
    owner = dict(zip(groups[first].tolist(), client_of[first].tolist(), strict=True))
    owners = np.array([owner[group] for group in groups.tolist()])
    order = np.argsort(groups, kind="stable")
    whole = [everything.take(order[owners[order] == c]) for c in range(len(parts))]
    if min(len(part) for part in whole) < _MIN_EXAMPLES:
        raise DataError(f"{len(parts)} clients are too many for whole groups: use fewer")
    return whole


def _iid(train: Examples, num_clients: int, rng: np.random.Generator) -> list[Examples]:
    order = rng.permutation(len(train))
    return [train.take(positions) for positions in np.array_split(order, num_clients)]


def _dirichlet(
    train: Examples, num_clients: int, alpha: float, rng: np.random.Generator
) -> list[Examples]:
    for _ in range(_DIRICHLET_TRIES):
        client_of = np.empty(len(train), np.int64)
        for label in np.unique(train.labels):
            positions = rng.permutation(np.flatnonzero(train.labels == label))
            shares = rng.dirichlet(np.full(num_clients, alpha))
            cuts = np.round(np.cumsum(shares)[:-1] * len(positions)).astype(np.int64)
            for client, chosen in enumerate(np.split(positions, cuts)):
                client_of[chosen] = client
        if np.bincount(client_of, minlength=num_clients).min() >= _MIN_EXAMPLES:
            return [train.take(np.flatnonzero(client_of == c)) for c in range(num_clients)]
    raise DataError(
        f"in {_DIRICHLET_TRIES} draws with alpha {alpha}, one of {num_clients} clients always had "
        f"fewer than {_MIN_EXAMPLES} examples: use a larger --partition_alpha or fewer clients"
    )


def _by_site(images: LabelledImages, train: Examples, num_clients: int) -> list[Examples]:
    if images.sites is None:
        raise DataError(
            f"{images.name} ({images.form}) does not say which site an image came from: use "
            "another --partition"
        )
    names = np.unique(images.sites)
    if num_clients != len(names):
        raise DataError(
            f"--num_clients is {num_clients}, but --partition=site makes one client of each of "
            f"the {len(names)} sites ({', '.join(names)}): use --num_clients={len(names)}"
        )
    site_of = images.sites[train.rows]
    return [train.take(np.flatnonzero(site_of == name)) for name in names]


def rare_classes(images: LabelledImages) -> tuple[int, ...]:
    """Returns the rarer half of the classes of a data set, rounded down, the rarest first."""
    counts = np.bincount(images.labels, minlength=images.num_classes)
    return tuple(np.argsort(counts, kind="stable")[: images.num_classes // 2].tolist())


def _rare(
    images: LabelledImages, train: Examples, spec: PartitionSpec, rng: np.random.Generator
) -> list[Examples]:
    sizes = [len(part) for part in np.array_split(np.arange(len(train)), spec.num_clients)]
    holders = max(1, round(spec.num_clients * spec.rare_clients))
    order = rng.permutation(len(train))
    is_rare = np.isin(train.labels[order], rare_classes(images))
    rare, others = order[is_rare], order[~is_rare]
    room = sum(sizes[-holders:])
    others = rng.permutation(np.concatenate([rare[room:], others]))  # what is too many, to all
    parts = [np.empty(0, np.int64)] * (spec.num_clients - holders)
    parts += np.array_split(rare[:room], holders)
    missing = [size - len(part) for size, part in zip(sizes, parts, strict=True)]
    filled = np.split(others, np.cumsum(missing)[:-1])
    return [
        train.take(np.concatenate([part, rest])) for part, rest in zip(parts, filled, strict=True)
    ]


def _label_noise(
    num_classes: int, parts: list[Examples], spec: PartitionSpec, rng: np.random.Generator
) -> list[Examples]:
    noisy = rng.permutation(len(parts))[: round(len(parts) * spec.noisy_clients)]
    result = list(parts)
    for client in noisy:
        labels = parts[client].labels.copy()
        wrong = rng.permutation(len(labels))[: round(len(labels) * spec.noisy_labels)]
        shift = rng.integers(1, num_classes, len(wrong))
        labels[wrong] = (labels[wrong] + shift) % num_classes
        result[client] = parts[client].with_labels(labels)
    return result
