"""Settings that go together; a flag given on the command line overrides its preset.

`quick` ends in minutes on two cores. `paper` has the settings of the paper (section 7.3.1) for skin
lesions and those of the two-layer report (section 4.4) for digits.
"""

from typing import Any

PRESETS = ("quick", "paper")

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

_BY_PRESET: dict[str, dict[str, dict[str, Any]]] = {
    "quick": {
        "ham10000": _QUICK_LESIONS,
        "dermamnist": _QUICK_LESIONS,
        "synthetic_lesions": _QUICK_DRAWN,
        "mnist": _QUICK_DIGITS,
        "digits": _QUICK_DIGITS,
    },
    "paper": {
        "ham10000": _PAPER_LESIONS,
        "dermamnist": _PAPER_LESIONS | {"split": "given"},
        "synthetic_lesions": _PAPER_LESIONS,
        "mnist": _PAPER_DIGITS,
        "digits": _PAPER_DIGITS,
    },
}


def preset_settings(preset: str, dataset: str) -> dict[str, Any]:
    """Returns the settings of `preset` for `dataset`, by flag name.

    Raises:
        KeyError: if there is no such preset or data set.
    """
    return dict(_BY_PRESET[preset][dataset])
