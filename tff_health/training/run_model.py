"""The model of a run: what builds it, and how many numbers it trains.

Importing this is free; TensorFlow, which takes seconds, is loaded with the model.
"""

import functools
from pathlib import Path

import models
from tff_health.data.images import LabelledImages
from tff_health.errors import ConfigError
from tff_health.settings.config import RunConfig

_LONGEST = 400  # characters of an error's text


def load_builder(config: RunConfig, images: LabelledImages) -> models.Builder:
    """Returns what builds the Keras model of a run; see `models.load`.

    Raises:
        ConfigError: if it cannot be built for these images.
    """
    return load_for(config, images.image_shape, images.num_classes)


def load_for(
    config: RunConfig, image_shape: tuple[int, int, int], num_classes: int
) -> models.Builder:
    """As `load_builder`, for images (height, width, channels) of so many classes."""
    builder = _load(config, image_shape, num_classes)
    training = config.training
    if not training.initial_weights:
        return builder
    try:
        return builder.starting_from(Path(training.initial_weights), training.new_head)
    except ValueError as error:
        raise ConfigError(f"--initial_weights: {error}") from error


def _load(config: RunConfig, image_shape: tuple[int, int, int], num_classes: int) -> models.Builder:
    load = models.load if config.training.model in models.MODELS else _load_once
    try:
        return load(config.training.model, image_shape, num_classes, config.run.seed)
    except (Exception, SystemExit) as error:  # a user's code may raise anything
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        text = " ".join(str(error).split())
        if len(text) > _LONGEST:
            text = f"{text[:_LONGEST]} ..."
        raise ConfigError(f"--model={config.training.model}: {kind}{text}") from error


_load_once = functools.cache(models.load)  # one of the user's own is tried at length


def num_parameters(config: RunConfig, images: LabelledImages) -> int:
    """Returns how many trainable numbers the model has; errors as `load_builder`."""
    weights = load_builder(config, images)().trainable_variables
    return sum(int(weight.shape.num_elements()) for weight in weights)
