"""Settings of the images and of how clients share them out."""

from dataclasses import dataclass

from tff_health.data.catalog import DATA_SETS
from tff_health.data.reading import DEFAULT_SIDE, FITS, MAX_SIDE, MIN_SIDE
from tff_health.data.split_names import COPIES, SPLITS
from tff_health.settings.experiments import training
from tff_health.settings.setting import POSITIVE, Range, setting

OF_OWN_IMAGES = ("image_size", "image_fit", "num_channels", "skip_unreadable")
"""Settings that only images of the user's own have."""
_READING = training(also=("statistics", "costs", "he"))
_SHARED_OUT = training(also=("statistics",))
PARTITIONS = ("iid", "dirichlet", "site", "rare", "label_noise")


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Which images, and which of them train, validate and test."""

    dataset: str = setting(
        f"The images: {', '.join(DATA_SETS)}, or the path of your own: a folder with a folder for "
        "each class, a table (CSV or Parquet), or an .npz file.",
        "synthetic_lesions",
        experiments=_READING,
    )
    image_size: int = setting(
        "Height and width to which images of your own are brought.",
        0,
        default_text=f"{DEFAULT_SIDE}, and of an .npz file as it is",
        range=Range(
            least=0, most=MAX_SIDE, text=f"0 (as the default says) or {MIN_SIDE} to {MAX_SIDE}"
        ),
        unit="pixels",
        experiments=_READING,
    )
    image_fit: str = setting(
        "How images of your own that are not square become so: by cutting their longer sides off "
        "evenly (crop), or by adding black to their shorter ones (pad).",
        FITS[0],
        choices=FITS,
        experiments=_READING,
    )
    num_channels: int = setting(
        "Channels of images of your own: 1 makes all grey, 3 all RGB.",
        0,
        default_text="1 if all of them are grey, else 3",
        choices=(0, 1, 3),
        experiments=_READING,
    )
    skip_unreadable: bool = setting(
        "Whether to go on without those images of your own that cannot be read; the report says "
        "how many and why.",
        False,
        experiments=_READING,
    )
    split: str = setting(
        "How the images are split into a training and a test part. 'clean' keeps all images of a "
        "group (a lesion, a patient) in one part, 'given' is the publisher's split, and 'paper' is "
        "as published and leaks.",
        choices=SPLITS,
        experiments=_SHARED_OUT,
        default_text="by preset, else 'given' where the publisher gives one, else 'clean'",
    )
    augment_copies: int = setting(
        f"Augmented copies of each training image under the 'clean' split. 'paper' has {COPIES} by "
        "definition, and 'given' none.",
        range=Range(least=0, most=COPIES),
    )
    validation_fraction: float = setting(
        "Share of its examples that each client puts aside for validation.",
        0.1,
        range=Range(least=0, below=1),
    )


@dataclass(frozen=True, kw_only=True)
class PartitionSettings:
    """How the training part is shared out among the clients."""

    kind: str = setting(
        "How the training part is shared out: equal parts at random (iid), each class by "
        "proportions that differ (dirichlet), a client for each hospital that images came from "
        "(site), in equal parts with the rarer half of the classes at the last clients alone "
        "(rare), or as iid and then some labels made wrong (label_noise).",
        "iid",
        default_text="iid, but rare for experiment stragglers",
        flag="partition",
        choices=PARTITIONS,
        experiments=_SHARED_OUT,
    )
    alpha: float = setting(
        "Concentration of the Dirichlet distribution in --partition=dirichlet: the smaller, the "
        "more clients differ.",
        0.5,
        flag="partition_alpha",
        range=POSITIVE,
        experiments=_SHARED_OUT,
    )
    noisy_clients: float = setting(
        "Share of the clients that have wrong labels in --partition=label_noise.",
        0.3,
        range=Range(least=0, most=1),
        experiments=_SHARED_OUT,
    )
    noisy_labels: float = setting(
        "Share of such a client's labels that are wrong in --partition=label_noise.",
        0.6,
        range=Range(least=0, most=1),
        experiments=_SHARED_OUT,
    )
    rare_clients: float = setting(
        "Share of the clients, the last ones, that hold the rarer half of the classes in "
        "--partition=rare.",
        0.3,
        range=Range(above=0, most=1),
        experiments=_SHARED_OUT,
    )
