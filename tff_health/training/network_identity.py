"""Whether a folder holds a run of the network that is named now, whose code may have changed."""

from pathlib import Path
from typing import Any

import models
from tff_health import interrupts
from tff_health.errors import ConfigError
from tff_health.reporting.files import read_json
from tff_health.settings.config import RunConfig
from tff_health.training import run_model

NETWORK = "network"
"""What config.json keeps a network's identity under."""


def check_finished(config: RunConfig, folder: Path) -> None:
    """Checks a finished run, whose results would be shown as those of the network of today.

    TensorFlow is loaded only if the network is the user's own, or its file in this package differs.

    Args:
        config: its settings.
        folder: of its results.

    Raises:
        ConfigError: if its network was another, or cannot be built any more.
    """
    file = folder / "config.json"
    description = read_json(file, "delete it") if file.exists() else {}
    found = description.get(NETWORK)
    if not found:
        return
    _check_file(config, folder, found)
    if found.get("source_sha256", "") == models.source_digest(config.training.model):
        return
    height, width, channels = found["image_shape"]
    with interrupts.no_cleanup():
        builder = run_model.load_for(config, (height, width, channels), found["num_classes"])
    check_same(folder, description, builder.identity, "choose another folder for this one")


def _check_file(config: RunConfig, folder: Path, found: dict[str, Any]) -> None:
    """Checks the file of initial weights of a finished run, without TensorFlow."""
    if not config.training.initial_weights:
        return
    try:
        digest = models.file_digest(Path(config.training.initial_weights))
    except ValueError as error:
        raise ConfigError(f"--initial_weights: {error}") from None
    if found.get(models.STARTED_FROM, {}).get("file_sha256") != digest:
        raise ConfigError(
            f"--out_dir={folder} holds a run that started from other weights: "
            f"{config.training.initial_weights} has changed since; choose another folder"
        )


def check_same(
    folder: Path,
    description: dict[str, Any],
    network: dict[str, Any],
    remedy: str = "choose another folder, or bring the old network back to go on with it",
) -> None:
    """Checks that a folder, if a run was begun in it, holds one of this network.

    Args:
        folder: of the results.
        description: its config.json; empty if it has none.
        network: the identity of the network, see `models.Builder`.
        remedy: what to do otherwise.

    Raises:
        ConfigError: if the network was another; it says what changed.
    """
    from models import identity  # imports TensorFlow

    if changed := identity.difference(description.get(NETWORK, {}), network):
        raise ConfigError(f"--out_dir={folder} holds a run of another network: {changed}; {remedy}")
