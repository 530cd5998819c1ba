"""Whether all that a network draws at random can be seeded, so that a run can be repeated."""

import tensorflow as tf

import models
from models import tracing
from tff_health.errors import ConfigError
from tff_health.local.random_layers import EVALUATION_STREAM, SEEDED_DRAW, Draws
from tff_health.settings.config import RunConfig


def check_draws(config: RunConfig, build_model: models.Builder) -> None:
    """Builds a network as clients do, and looks for what draws without a seed of the run.

    Args:
        config: names the model.
        build_model: of a network that draws at random.

    Raises:
        ConfigError: if anything does; it names the operations.
    """
    with tf.Graph().as_default():
        model, draws = build_model.build(), Draws()
        with draws.seeded(EVALUATION_STREAM):
            functions = [tracing.trace(model, training) for training in (True, False)]
    left = sorted({kind for function in functions for kind in _unseeded(function)})
    if left:
        raise ConfigError(
            f"--model={config.training.model} draws at random by {', '.join(left)}, which cannot "
            "be seeded, so that no run could be repeated: use layers of Keras, tf.random.uniform "
            "or tf.random.normal, and no tf.function around them"
        )


def _unseeded(function: object) -> set[str]:
    kinds = tracing.random_operations(function)
    reading = [node.name for node in tracing.nodes(function) if node.op == "RngReadAndSkip"]
    return kinds - {"RngReadAndSkip"} if all(SEEDED_DRAW in n for n in reading) else kinds
