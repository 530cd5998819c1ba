"""Keras models by name. Importing this package is free; TensorFlow is loaded by `load`."""

import functools
import importlib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ModelInfo:
    """A model of this package: what it is for, and where its builder stands."""

    description: str
    builder: str


MODELS = {
    "paper_cnn": ModelInfo(
        "the paper's network for skin lesions; 306,063 parameters for 28x28x3 and 7 classes",
        "models.paper_cnn:build",
    ),
    "mnist_cnn": ModelInfo(
        "two convolutions and a dense layer, for digits", "models.mnist_cnn:build"
    ),
    "tanh_cnn": ModelInfo(
        "a small network with bounded activations, for differentially private training",
        "models.tanh_cnn:build",
    ),
    "wavelet_linear": ModelInfo(
        "a linear classifier over fixed wavelets, for very small epsilon",
        "models.wavelets:build_linear",
    ),
    "scattering_linear": ModelInfo(
        "a linear classifier over a fixed scattering transform, for small epsilon",
        "models.wavelets:build_scattering_linear",
    ),
    "scattering_cnn": ModelInfo(
        "two convolutions over a fixed scattering transform, for private training",
        "models.wavelets:build_scattering_cnn",
    ),
}


def problem_with(name: str) -> str | None:
    """Returns why `name` cannot name a model, or None, without importing TensorFlow.

    Args:
        name: a key of `MODELS`, or "module:function" for a builder of the user's own.
    """
    if name in MODELS:
        return None
    module, _, function = name.partition(":")
    if not (module and function):
        return f"found '{name}'; allowed are {', '.join(MODELS)}, or module:function for your own"
    try:
        found = importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        found = False
    if not found:
        return f"there is no module '{module}' to import '{function}' from"
    return _hidden(module)


def _hidden(name: str) -> str | None:
    """Returns why a user's own file cannot be meant by this name, if another module has it."""
    module = name.partition(".")[0]
    spec = importlib.util.find_spec(module)
    kinds = (f"{module}/__init__.py", *([f"{module}.py"] if module == name else []))
    own = [Path(entry or ".") for entry in sys.path if not Path(entry).is_relative_to(sys.prefix)]
    files = (folder / kind for folder in own for kind in kinds)
    origin = Path(spec.origin) if spec and spec.origin and spec.has_location else None
    for file in files:
        if file.is_file() and not (origin and file.samefile(origin)) and not _is_standard(file):
            return (
                f"your {file} is hidden by the module '{module}' of {origin or 'Python itself'}: "
                f"rename it to my_{module}, for example, and name it so here"
            )
    return None


def _is_standard(file: Path) -> bool:
    return file.resolve().is_relative_to(Path(sys.base_prefix).resolve())


def load(name: str, input_shape: tuple[int, int, int], num_classes: int) -> Callable[[], Any]:
    """Finds a builder and tries it.

    Args:
        name: a key of `MODELS`, or "module:function"; the function is called with `input_shape` and
            `num_classes` and returns an uncompiled `tf.keras.Model`.
        input_shape: (height, width, channels) of images, float32 in [0, 1].
        num_classes: number of logits that the model returns for an image.

    Returns:
        a function that returns a new `tf.keras.Model` at each call, from float32
        (n, height, width, channels) to logits (n, num_classes).

    Raises:
        ValueError: if there is no such builder, or its model does not fit images or classes.
    """
    if problem := problem_with(name):
        raise ValueError(problem)
    module_name, function_name = (MODELS[name].builder if name in MODELS else name).split(":")
    builder = getattr(importlib.import_module(module_name), function_name, None)
    if not callable(builder):
        raise ValueError(f"module '{module_name}' has no function '{function_name}'")
    _check(name, builder(input_shape, num_classes), input_shape, num_classes)
    return functools.partial(builder, input_shape, num_classes)


def _check(name: str, model: object, input_shape: tuple[int, int, int], num_classes: int) -> None:
    import tensorflow as tf

    if not isinstance(model, tf.keras.Model):
        raise ValueError(
            f"'{name}' returned a {type(model).__name__}, but must return a Keras model"
        )
    if not model.built or not model.trainable_variables:
        raise ValueError(f"'{name}' returned a model without weights: give it an Input layer")
    for what, found, needed in (
        ("takes inputs", model.input_shape, (None, *input_shape)),
        ("returns outputs", model.output_shape, (None, num_classes)),
    ):
        if found != needed:
            raise ValueError(f"'{name}' {what} of shape {found}, but the data need {needed}")
