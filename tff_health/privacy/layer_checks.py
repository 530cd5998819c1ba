"""Which Keras models can be trained with the gradients of single examples clipped."""

from typing import Any

import tensorflow as tf
from tensorflow_privacy.privacy.fast_gradient_clipping import gradient_clipping_utils

from tff_health.errors import ConfigError
from tff_health.privacy.layer_rules import RULES, normalized_axes
from tff_health.settings.groups.privacy import ENGINES

_layers = tf.keras.layers

RANDOM = frozenset(
    {
        _layers.AlphaDropout,
        _layers.Dropout,
        _layers.GaussianDropout,
        _layers.GaussianNoise,
        _layers.RandomBrightness,
        _layers.RandomCrop,
        _layers.RandomFlip,
        _layers.RandomRotation,
        _layers.RandomTranslation,
        _layers.RandomZoom,
        _layers.SpatialDropout1D,
        _layers.SpatialDropout2D,
    }
)
"""Layers without weights that do something in training only, to each example by itself."""

_WITHOUT_WEIGHTS = RANDOM | {
    _layers.Activation,
    _layers.Add,
    _layers.Average,
    _layers.AveragePooling1D,
    _layers.AveragePooling2D,
    _layers.CenterCrop,
    _layers.Concatenate,
    _layers.Cropping1D,
    _layers.Cropping2D,
    _layers.ELU,
    _layers.Flatten,
    _layers.GlobalAveragePooling1D,
    _layers.GlobalAveragePooling2D,
    _layers.GlobalMaxPooling1D,
    _layers.GlobalMaxPooling2D,
    _layers.InputLayer,
    _layers.LeakyReLU,
    _layers.Maximum,
    _layers.MaxPooling1D,
    _layers.MaxPooling2D,
    _layers.Minimum,
    _layers.Multiply,
    _layers.Permute,
    _layers.ReLU,
    _layers.Rescaling,
    _layers.Reshape,
    _layers.Resizing,
    _layers.Softmax,
    _layers.Subtract,
    _layers.ThresholdedReLU,
    _layers.UpSampling2D,
    _layers.ZeroPadding1D,
    _layers.ZeroPadding2D,
}

_IF_FROZEN = frozenset(
    {
        _layers.Conv1D,
        _layers.Conv2DTranspose,
        _layers.Embedding,
        _layers.Normalization,
        _layers.SeparableConv2D,
    }
)
"""Layers without a rule, which none needs that is not trained: they take each example by itself."""


def check_layers(model: tf.keras.Model, engine: str) -> None:
    """Raises an error if a model cannot be trained with per-example clipping.

    Called before training starts, outside of graphs: it runs the model on a few made-up examples.

    Args:
        model: a built model from images to outputs, one row for each example.
        engine: one of `ENGINES`.

    Raises:
        ConfigError: if there is no such engine, or for the model; it names every layer at fault.
    """
    if engine not in ENGINES:
        raise ConfigError(f"found --dp_engine={engine}; allowed are {', '.join(ENGINES)}")
    raise_for(model, problems_of(model, engine), engine)
    if engine == "fast":
        raise_for(model, _problems_of_calls(model), engine)
    if _adds_losses(model):
        raise_for(
            model,
            ["it adds losses of its own (add_loss), which belong to no example: leave them out"],
            engine,
        )
    if _mixes_examples(model):
        problem = "an output depends on other examples of the batch than its own"
        raise_for(model, [problem], engine)


def raise_for(model: tf.keras.Model, problems: list[str], engine: str) -> None:
    """Raises a `ConfigError` that lists what is wrong with a model, if anything is.

    Args:
        model: the model.
        problems: a sentence for each.
        engine: one of `ENGINES`.
    """
    if problems:
        raise ConfigError(
            f"model '{model.name}' cannot be trained with --dp_engine={engine}: "
            + "; ".join(problems)
        )


def problems_of(model: tf.keras.Model, engine: str) -> list[str]:
    """Returns what is wrong with a model as it can be seen without running it.

    Args:
        model: a built model.
        engine: one of `ENGINES`.
    """
    layers = list(model._flatten_layers(include_self=False))  # `submodules` fails for LSTM
    problems = [_problem_in_any_engine(layer) for layer in layers]
    if engine == "fast":
        if not gradient_clipping_utils.has_internal_compute_graph(model):
            problems.append("it is not a Sequential or functional model")
        elif not isinstance(model.input_shape, tuple):
            problems.append(f"it takes {len(model.inputs)} inputs, not one")
        elif None in model.input_shape[1:]:
            problems.append(f"its inputs have no fixed size, but shape {model.input_shape}")
        problems += [_problem_without_rule(layer) for layer in layers]
    return [problem for problem in problems if problem]


def _problem_in_any_engine(layer: tf.keras.layers.Layer) -> str | None:
    if _mixes_by_design(layer):
        return (
            f"{_named(layer)} mixes the examples of a batch: "
            "use GroupNormalization or LayerNormalization instead"
        )
    if getattr(layer, "stateful", False) and not isinstance(layer, tf.keras.Model):
        return f"{_named(layer)} keeps a state from one batch to the next"
    if any(value for name, value in vars(layer).items() if name.endswith("_regularizer")):
        return f"{_named(layer)} has a regulariser, whose loss belongs to no example: remove it"
    return None


def _mixes_by_design(layer: tf.keras.layers.Layer) -> bool:
    synchronised = _layers.experimental.SyncBatchNormalization
    if isinstance(layer, _layers.BatchNormalization | synchronised):
        return True
    if isinstance(layer, _layers.LayerNormalization | _layers.GroupNormalization):
        return 0 in normalized_axes(layer, layer.input_spec.ndim if layer.input_spec else 1 << 30)
    if isinstance(layer, _layers.Softmax | _layers.Concatenate):
        return layer.axis == 0
    return False


def _problem_without_rule(layer: tf.keras.layers.Layer) -> str | None:
    """Returns why a layer cannot go through `clipped_sum.fast_clipped_sum`, or None."""
    kind = type(layer)
    if gradient_clipping_utils.has_internal_compute_graph(layer) or kind in _WITHOUT_WEIGHTS:
        return None
    if kind in _IF_FROZEN and not layer.trainable_variables:
        return None
    elsewhere = "--dp_engine=tfp_optimizer trains it"
    if kind not in RULES:
        what = "weights but no rule" if layer.weights else "no rule"
        return f"{_named(layer)} has {what} for fast clipping: {elsewhere}"
    activation = getattr(layer, "activation", None)
    reasons = {
        f"computes in {layer.dtype_policy.name}, not in float32": layer.dtype_policy.name
        != "float32",
        "is a convolution in groups": getattr(layer, "groups", 1) != 1 and kind is _layers.Conv2D,
        "has its channels first": getattr(layer, "data_format", "") == "channels_first",
        "has an activation with weights": bool(getattr(activation, "weights", None)),
    }
    for reason, holds in reasons.items():
        if holds:
            return f"{_named(layer)} {reason}, for which fast clipping has no rule: {elsewhere}"
    return None


def _problems_of_calls(model: tf.keras.Model) -> list[str]:
    """Returns which layers or variables are used more than once in a forward pass."""
    called: list[tf.keras.layers.Layer] = []

    def note(layer: tf.keras.layers.Layer, arguments: Any, keywords: Any) -> tuple[Any, None]:
        called.append(layer)
        return layer(*arguments, **keywords), None

    gradient_clipping_utils.model_forward_pass(model, tf.zeros([1, *model.input_shape[1:]]), note)
    return shared_variables(called)


def shared_variables(called: list[tf.keras.layers.Layer]) -> list[str]:
    """Returns a sentence for each layer with a variable that an earlier call used already.

    The squared norms of two calls cannot be added: their gradients are added first.

    Args:
        called: the layers of a forward pass, one entry for each call.
    """
    users: dict[Any, str] = {}
    problems = []
    for layer in called:
        names = {users.get(variable.ref()) for variable in layer.trainable_variables} - {None}
        for name in sorted(filter(None, names)):
            problems.append(
                f"{_named(layer)} uses weights that '{name}' used before in the same forward pass: "
                "--dp_engine=tfp_optimizer trains it"
            )
        users |= {variable.ref(): layer.name for variable in layer.trainable_variables}
    return problems


def _adds_losses(model: tf.keras.Model) -> bool:
    """Tries whether calling a model gives losses that a sum of gradients would leave out."""
    if not isinstance(getattr(model, "input_shape", None), tuple):
        return False
    model(tf.zeros([2, *(size or 32 for size in model.input_shape[1:])]), training=True)
    return bool(model.losses)


def _mixes_examples(model: tf.keras.Model) -> bool:
    """Tries whether the first of two examples' outputs depends on the second's image."""
    if not isinstance(getattr(model, "input_shape", None), tuple) or None in model.input_shape[1:]:
        return False
    images = tf.random.stateless_uniform([2, *model.input_shape[1:]], seed=(1, 2))
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = model(images, training=True)[0]
        output = tf.reduce_sum(outputs * tf.random.stateless_uniform(outputs.shape, seed=(3, 4)))
    try:
        gradient = tape.gradient(output, images)
    except LookupError as error:
        operation = str(error).rpartition(" ")[2]
        raise ConfigError(
            f"model '{model.name}' cannot be trained with --dp_noise: it computes {operation}, "
            "which has no gradient, so that nothing shows that no example changes another's "
            "output: leave out what does it (RandomContrast does AdjustContrastv2)"
        ) from error
    return gradient is not None and bool(tf.reduce_any(gradient[1] != 0.0))


def _named(layer: tf.keras.layers.Layer) -> str:
    return f"layer '{layer.name}' ({type(layer).__name__})"
