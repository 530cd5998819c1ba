"""The model of a run: what builds it, and how many numbers it trains.

Importing this is free; TensorFlow, which takes seconds, is loaded with the model.
"""

from collections.abc import Callable
from typing import Any

import models
from tff_health.data.images import LabelledImages
from tff_health.errors import ConfigError
from tff_health.experiments.config import RunConfig


def load_builder(config: RunConfig, images: LabelledImages) -> Callable[[], Any]:
    """Returns what builds the Keras model of a run; see `models.load`.

    Raises:
        ConfigError: if it cannot be built for these images.
    """
    try:
        return models.load(config.model, images.image_shape, images.num_classes)
    except Exception as error:  # a user's builder may raise anything
        raise ConfigError(f"--model={config.model}: {type(error).__name__}: {error}") from error


def num_parameters(config: RunConfig, images: LabelledImages) -> int:
    """Returns how many trainable numbers the model has; errors as `load_builder`."""
    weights = load_builder(config, images)().trainable_variables
    return sum(int(weight.shape.num_elements()) for weight in weights)
