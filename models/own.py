"""Networks that users bring along: made fit where that can be done, refused by name otherwise."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from models import Builder, identity, tracing
from models.adapting import adapted_to_constants
from models.outputs import are_probabilities, log_probabilities
from models.own_code import describe, told

_NORMALISING = "use GroupNormalization or LayerNormalization instead, or set its trainable to False"


def load(
    name: str,
    builder: Callable[..., Any],
    image_shape: tuple[int, int, int],
    num_classes: int,
    seed: int | None,
) -> Builder:
    """Tries a builder; arguments and errors as `models.load`, for "module:function"."""
    _check_signature(name, builder)
    build = functools.partial(_build, name, builder, image_shape, num_classes)
    _seed(seed)
    raw = build()
    _check(name, raw, num_classes)
    training, evaluating = _traced(name, raw)
    _check_operations(name, raw, (training, evaluating))
    _seed(seed)
    twin = build()
    if any(a is b for a, b in zip(raw.weights, twin.weights, strict=False)):
        raise ValueError(
            f"'{name}' returned weights of an earlier call, but must build a new Keras model at "
            "each: every client builds its own"
        )
    told = identity.describe(raw, twin, training, evaluating)
    told |= {"image_shape": list(image_shape), "num_classes": num_classes}
    if are_probabilities(raw, lambda images: evaluating(images)[0]):
        build = functools.partial(_with_logits, build)
    drawn = _check_in_graph(name, build, bool(tracing.random_operations(evaluating)))
    _seed(seed)
    return Builder(build, tuple(sorted(drawn)), told)


def _check_signature(name: str, builder: Callable[..., Any]) -> None:
    if isinstance(builder, tf.keras.layers.Layer):
        raise ValueError(
            f"'{name}' is a {type(builder).__name__}, but must be a function that returns a new "
            "Keras model at each call: every client builds its own"
        )
    try:
        inspect.signature(builder).bind((28, 28, 1), 10)
    except TypeError as error:
        raise ValueError(
            f"'{name}' must be a function of two arguments, input_shape and num_classes: {error}"
        ) from None
    except ValueError:  # code that is not Python's tells no signature
        return


def _seed(seed: int | None) -> None:
    if seed is not None:
        tf.keras.utils.set_random_seed(seed)


def _build(
    name: str, builder: Callable[..., Any], image_shape: tuple[int, int, int], num_classes: int
) -> tf.keras.Model:
    policy, floats = tf.keras.mixed_precision.global_policy(), tf.keras.backend.floatx()
    try:
        with adapted_to_constants(), told(f"'{name}' cannot build its network"):
            model = builder(image_shape, num_classes)
        if not isinstance(model, tf.keras.Model):
            raise ValueError(
                f"'{name}' returned a {type(model).__name__}, but must return a Keras model"
            )
        return _fit(name, model, image_shape)
    finally:  # what it sets for all of Keras is its own business
        tf.keras.backend.set_floatx(floats)
        tf.keras.mixed_precision.set_global_policy(policy)


def _fit(name: str, model: tf.keras.Model, image_shape: tuple[int, int, int]) -> tf.keras.Model:
    """Returns a network for images of this shape that is built and not compiled."""
    needed = (None, *image_shape)
    inputs = model.inputs or []
    if len(inputs) > 1:
        raise ValueError(f"'{name}' takes {len(inputs)} inputs, but must take images alone")
    if inputs and not inputs[0].dtype.is_floating:
        raise ValueError(
            f"'{name}' takes inputs of {inputs[0].dtype.name}, but images are float32 in [0, 1]"
        )
    found = model.input_shape if inputs else needed
    if isinstance(found, tuple) and (
        len(found) != len(needed)
        or any(a is not None and a != b for a, b in zip(found, needed, strict=True))
    ):
        raise ValueError(f"'{name}' takes inputs of shape {found}, but the data need {needed}")
    is_plain = model._is_graph_network and type(model).__module__.startswith("keras.")
    if not (is_plain and inputs and found == needed):
        image = tf.keras.Input(image_shape)
        with told(f"'{name}' returned a model that cannot be called on images"):
            return tf.keras.Model(image, model(image), name=model.name)
    if model._is_compiled:
        return tf.keras.Model(model.input, model.output, name=model.name)
    return model


def _with_logits(build: Callable[[], tf.keras.Model]) -> tf.keras.Model:
    model = build()
    last = tf.keras.layers.Activation(log_probabilities, dtype="float32", name="logits")
    return tf.keras.Model(model.input, last(model.output), name=model.name)


def _check(name: str, model: tf.keras.Model, num_classes: int) -> None:
    """Refuses what can be seen without calling the network."""
    if isinstance(model.output, list | tuple | dict):
        raise ValueError(f"'{name}' returns several outputs, but must return logits alone")
    if model.output_shape not in ((None, num_classes), (None, None)):
        raise ValueError(
            f"'{name}' returns outputs of shape {model.output_shape}, "
            f"but the data need {(None, num_classes)}"
        )
    if not model.trainable_variables:
        raise ValueError(f"'{name}' returned a model without weights that can be trained")
    for variable in model.trainable_variables:
        if variable.dtype != tf.float32:
            raise ValueError(
                f"'{name}' has weights '{variable.name}' of {variable.dtype.name}; "
                "weights that are trained must be float32"
            )
        if getattr(variable, "constraint", None):
            raise ValueError(
                f"'{name}' has weights '{variable.name}' with a constraint, which clients do not "
                "keep to: remove it"
            )
    for layer in _layers(model):
        if layer.compute_dtype == "float16":
            raise ValueError(
                f"'{name}': {_named(layer)} computes in float16, in which gradients vanish without "
                "a scaled loss: use mixed_bfloat16 instead"
            )
        own_step = getattr(type(layer), "train_step", tf.keras.Model.train_step)
        if own_step is not tf.keras.Model.train_step:
            raise ValueError(
                f"'{name}': {_named(layer)} has a train_step of its own, which clients do not "
                "call: put what it does into call and add_loss"
            )


def _traced(name: str, model: tf.keras.Model) -> tuple[Any, Any]:
    """Calls the network as in training, and as in evaluation."""
    with told(f"'{name}' returned a model that cannot be called on images"):
        training = tracing.trace(model, training=True)
        evaluating = tracing.trace(model, training=False)
        if not tracing.python_operations(evaluating):
            evaluating(tf.zeros((1, *model.input_shape[1:])))
    return training, evaluating


def _check_operations(name: str, model: tf.keras.Model, functions: tuple[Any, ...]) -> None:
    """Refuses what clients cannot do, or would do without it having an effect."""
    for function in functions:
        if found := tracing.python_operations(function):
            raise ValueError(
                f"'{name}' calls Python from '{found[0]}', which TensorFlow on the clients cannot: "
                "use operations of TensorFlow"
            )
        if assigned := tracing.assignments(function):
            raise ValueError(f"'{name}': {_state_problem(model, assigned[0])}")


def _state_problem(model: tf.keras.Model, operation: str) -> str:
    path = operation.split("/")
    owners = [layer for layer in _layers(model) if layer.name in path]
    if not owners:
        return (
            f"'{operation}' changes a variable whenever the model is called, which no client tells "
            "the others: leave it out"
        )
    owner = max(owners, key=lambda layer: path.index(layer.name))
    synchronised = tf.keras.layers.experimental.SyncBatchNormalization
    if isinstance(owner, tf.keras.layers.BatchNormalization | synchronised):
        return (
            f"{_named(owner)} keeps statistics of its batches, which are not averaged over "
            f"clients: {_NORMALISING}"
        )
    return (
        f"{_named(owner)} changes a state of its own whenever it is called, which is not averaged "
        "over clients: leave it out, or set its trainable to False if that ends it"
    )


def _check_in_graph(name: str, build: Callable[[], tf.keras.Model], is_random: bool) -> set[str]:
    """Builds and calls the network as clients do, in a graph, and compares what it gives.

    Returns:
        the random operations that it has there; Keras takes others than outside of graphs.
    """
    here = build()
    weights = [weight.numpy() for weight in here.weights]
    images = np.random.default_rng(0).random((4, *here.input_shape[1:]), np.float32)
    # At once: Keras declares a model invalid as soon as another is made in a graph.
    expected = here(images, training=False).numpy().astype(np.float32)
    try:
        with tf.Graph().as_default():
            # As clients do: functions of its own are AutoGraph's again where tf.function says so.
            model = tf.autograph.experimental.do_not_convert(build)()
            same = _shapes(model) == _shapes(here)
            functions = [tracing.trace(model, training) for training in (True, False)]
            drawn = set[str]().union(*map(tracing.random_operations, functions))
            if same and not is_random:
                outputs = _run(model, weights, images)
    except Exception as error:
        raise ValueError(
            f"'{name}' cannot be built in a TensorFlow graph, as clients do, "
            f"{describe(error)}; compute constants with NumPy when the module is "
            "imported, and where a layer branches on a tensor, decorate its call with @tf.function"
        ) from error
    if not same:
        raise ValueError(f"'{name}' builds another network at each call")
    if not is_random:
        found, wanted = _centred(outputs), _centred(expected)
        size = np.nanmax(np.abs(wanted), initial=0)
        if not np.allclose(found, wanted, rtol=1e-2, atol=1e-2 * size, equal_nan=True):
            raise ValueError(
                f"'{name}' computes something else when clients build it in a TensorFlow graph; "
                "what layers learnt before must be constants, as Normalization takes them for mean "
                "and variance"
            )
    return drawn


def _run(model: tf.keras.Model, weights: list[Any], images: Any) -> Any:
    """Runs a model of the current graph with these weights, in a session."""
    assigned = [w.assign(value) for w, value in zip(model.weights, weights, strict=True)]
    with tf.control_dependencies(assigned):
        outputs = tf.function(lambda x: model(x, training=False))(tf.constant(images))
    with tf.compat.v1.Session() as session:
        session.run(tf.compat.v1.global_variables_initializer())
        return session.run(outputs).astype(np.float32)


def _centred(logits: Any) -> Any:
    """Logits around 0, as they tell the same with any number added to all; NaN if not finite."""
    finite = np.where(np.isfinite(logits), logits, np.nan)
    return finite - finite.mean(axis=1, keepdims=True)


def _shapes(model: tf.keras.Model) -> list[Any]:
    groups = (model.trainable_variables, model.non_trainable_variables)
    return [[(tuple(v.shape), v.dtype) for v in variables] for variables in groups]


def _layers(model: tf.keras.Model) -> list[tf.keras.layers.Layer]:
    """Its layers at any depth, those of which it is made before itself."""
    return [*model._flatten_layers(include_self=False), model]


def _named(layer: tf.keras.layers.Layer) -> str:
    return f"layer '{layer.name}' ({type(layer).__name__})"
