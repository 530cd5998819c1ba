"""Settings that go together; a flag given on the command line overrides its preset.

`quick` ends in minutes on two cores. `paper` has the settings of the paper (section 7.3.1) for skin
lesions and those of the two-layer report (section 4.4) for digits. `tuned` trains the same networks
better: standardised input, images changed on the fly, momentum, and a learning rate that falls.
"""

from typing import Any

from tff_health.data.catalog import find

PRESETS = {
    "quick": "ends in minutes on two cores",
    "paper": "settings of the paper for skin lesions, of the two-layer report for digits",
    "tuned": "the same networks, trained better",
}
"""What each preset is for."""
ALL_ROUNDS = None
"""In place of a number of rounds: as many as the run has, whatever `--rounds` says."""

_LESIONS: dict[str, Any] = {"model": "paper_cnn", "num_clients": 10}
_DIGITS: dict[str, Any] = {"model": "mnist_cnn", "num_clients": 3}

_QUICK_LESIONS = _LESIONS | {
    "rounds": 20,
    "batch_size": 16,
    "learning_rate": 0.05,
    "augment_copies": 0,
}
_QUICK_DRAWN = _QUICK_LESIONS | {"rounds": 30, "local_epochs": 2, "learning_rate": 0.1}
_QUICK_DIGITS = _DIGITS | {
    "rounds": 10,
    "batch_size": 32,
    "learning_rate": 0.1,
    "augment_copies": 0,
}
_PAPER_LESIONS = _LESIONS | {
    "rounds": 300,
    "batch_size": 100,
    "learning_rate": 0.01,
    "augment_copies": 8,
    "split": "paper",
    "eval_every": 5,
}
_PAPER_DIGITS = _DIGITS | {
    "rounds": 10,
    "batch_size": 64,
    "learning_rate": 0.1,
    "augment_copies": 0,
}

_TUNED: dict[str, Any] = {
    "batch_size": 32,
    "learning_rate": 0.05,
    "client_momentum": 0.9,
    "decay_rounds": ALL_ROUNDS,
    "normalise": "public",
    "augment_copies": 0,
    "eval_every": 5,
}
_TUNED_LESIONS = (
    _LESIONS
    | _TUNED
    | {
        "rounds": 200,
        "train_flips": True,
        "train_rotations": True,
        "train_colours": 0.1,
        "test_flips": True,
        "test_rotations": True,
        "eval_every": 10,
        "validation_fraction": 0.0,
    }
)
_TUNED_DIGITS = _DIGITS | _TUNED | {"rounds": 20}

# A network for images of any size, which standardises by itself: nothing is known of these.
_OWN: dict[str, Any] = {"model": "small_resnet", "num_clients": 5, "augment_copies": 0}
_QUICK_OWN = _OWN | {"rounds": 20, "batch_size": 16, "local_epochs": 2, "learning_rate": 0.1}
_PAPER_OWN = _PAPER_LESIONS | {"num_clients": 5, "augment_copies": 0}
_TUNED_OWN = _OWN | _TUNED | {"rounds": 200, "normalise": "none", "eval_every": 10}

_BY_PRESET: dict[str, dict[str, dict[str, Any]]] = {
    "quick": {
        **{"lesions": _QUICK_LESIONS, "drawn lesions": _QUICK_DRAWN, "digits": _QUICK_DIGITS},
        "own images": _QUICK_OWN,
    },
    "paper": {
        **{"lesions": _PAPER_LESIONS, "drawn lesions": _PAPER_LESIONS, "digits": _PAPER_DIGITS},
        "own images": _PAPER_OWN,
    },
    "tuned": {
        **{"lesions": _TUNED_LESIONS, "drawn lesions": _TUNED_LESIONS, "digits": _TUNED_DIGITS},
        "own images": _TUNED_OWN,
    },
}
"""By preset, then by what data sets show."""


_BY_EXPERIMENT: dict[str, dict[str, dict[str, Any]]] = {
    "privacy": {
        "quick": {
            "rounds": 10,
            "eval_every": 2,
            "seeds": (0,),
            "epsilons": ("1", "5", "10", "inf"),
        },
        "paper": {"rounds": 10, "eval_every": 1, "seeds": (0,)},
        "tuned": {"rounds": 10, "eval_every": 1, "seeds": (0, 1, 2)},
    },
    "privacy_tuning": {
        "quick": {"rounds": 10, "eval_every": 10, "trials": 4, "epsilons": ("1", "10")},
        "paper": {"rounds": 10, "eval_every": 10, "trials": 12},
        "tuned": {"rounds": 10, "eval_every": 10, "trials": 24},
    },
    "schemes": {
        "quick": {"rounds": 12, "eval_every": 2, "seeds": (0,), "encrypted_rounds": 1},
        "paper": {"seeds": (0,), "encrypted_rounds": 3},
        "tuned": {"seeds": (0, 1, 2), "encrypted_rounds": 3},
    },
    "dropout": {
        "quick": {"turns": 3, "local_epochs": 1},
        "paper": {"turns": 5},
        "tuned": {"turns": 5},
    },
    "ablation": {
        "quick": {"rounds": 12, "eval_every": 2, "seeds": (0,)},
        "paper": {"seeds": (0,)},
        "tuned": {"seeds": (0, 1, 2)},
    },
    "poisoning": {
        "quick": {"rounds": 12, "eval_every": 4, "seeds": (0,), "num_clients": 10},
        "paper": {"seeds": (0,), "num_clients": 10},
        "tuned": {"seeds": (0, 1, 2), "num_clients": 10},
    },
    "stragglers": {
        "quick": {"rounds": 20, "eval_every": 1, "seeds": (0,)},
        "paper": {"seeds": (0,)},
        "tuned": {"seeds": (0, 1, 2)},
    },
    "batch_size": {
        "quick": {
            "rounds": 12,
            "eval_every": 2,
            "seeds": (0,),
            "batch_sizes": (8, 16, 32, 64, 128),
        },
        "paper": {"seeds": (0,), "batch_sizes": (1, 10, 30, 50, 80, 100, 150)},
        "tuned": {"seeds": (0,), "batch_sizes": (8, 16, 32, 64, 128)},
    },
}

# Copies of an image would count as records of their own; and the report has three hospitals.
# Lesions have no upper side, and colours are what tells them apart.
_HOSPITALS: dict[str, Any] = {
    "augment_copies": 0,
    "num_clients": 3,
    "normalise": "public",
    "train_flips": True,
    "test_flips": True,
}
_FOR_PRIVACY: dict[str, dict[str, Any]] = {
    "lesions": _HOSPITALS | {"split": "clean"},
    "drawn lesions": _HOSPITALS | {"split": "clean"},
}

# Compressed updates, of scheme fedopt, need more steps to come as far as others.
_FOR_QUICK_SCHEMES: dict[str, dict[str, Any]] = {"digits": {"local_epochs": 2}}


def preset_settings(preset: str, dataset: str, experiment: str = "train") -> dict[str, Any]:
    """Returns the settings of `preset` for `dataset` and `experiment`, by flag name.

    Raises:
        KeyError: if there is no such preset.
        TffHealthError: if there is no such data set.
    """
    data_set = find(dataset)
    settings = _BY_PRESET[preset][data_set.shows] | _BY_EXPERIMENT.get(experiment, {}).get(
        preset, {}
    )
    if experiment in ("privacy", "privacy_tuning"):
        settings |= _FOR_PRIVACY.get(data_set.shows, {})
    if (experiment, preset) == ("schemes", "quick"):
        settings |= _FOR_QUICK_SCHEMES.get(dataset, {})
    if "split" in settings and settings["split"] not in data_set.splits:
        settings["split"] = data_set.splits[0]
    return settings


def presets_with(name: str) -> tuple[str, ...]:
    """Returns the presets that set the setting with this name, for some data set or experiment."""
    return tuple(
        preset
        for preset in PRESETS
        if any(name in values for values in _BY_PRESET[preset].values())
        or any(name in values.get(preset, {}) for values in _BY_EXPERIMENT.values())
    )
