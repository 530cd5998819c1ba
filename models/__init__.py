"""Keras models by name. Importing this package is free; TensorFlow is loaded by `load`."""

import difflib
import functools
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from models import own_code


@dataclass(frozen=True)
class ModelInfo:
    """A model of this package: what it is for, and where its builder stands."""

    description: str
    builder: str


STARTED_FROM = "started_from"
"""What an identity keeps the file of initial weights under."""

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
    "resnet18": ModelInfo(
        "ResNet-18 with group normalisation; 11.2 million parameters",
        "models.resnet:build_resnet18",
    ),
    "small_resnet": ModelInfo(
        "half as wide and a stage shorter, for clients with few images; 0.7 million parameters",
        "models.resnet:build_small_resnet",
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
    if module.endswith(".py") or "/" in module or "\\" in module:
        return _as_module(module, function)
    try:
        with own_code.told(f"'{module}' cannot be imported"):  # the package that it lies in is
            found = importlib.util.find_spec(module) is not None
    except own_code.OwnCodeError as error:
        if not _is_missing(module, error.__cause__):
            return str(error)
        found = False
    if not found:
        return (
            f"there is no module '{module}' to import '{function}' from: it is looked for in the "
            "folder where the command is given"
        )
    return _hidden(module)


def _as_module(path: str, function: str) -> str:
    """Says how a file is named as a module."""
    file = Path(path.replace("\\", "/")).with_suffix(".py")
    module = ".".join(part for part in file.with_suffix("").parts if part not in ("/", ".", ".."))
    if file.is_absolute() or ".." in file.parts:
        return f"'{path}' is a path: go to its folder, and name {file.stem}:{function}"
    return f"'{path}' is a path: name the module as Python imports it, {module}:{function}"


def _is_missing(module: str, error: BaseException | None) -> bool:
    """Whether an error says that there is no such module, and not that one could not be run."""
    if isinstance(error, ModuleNotFoundError):
        return f"{module}.".startswith(f"{error.name}.")
    # find_spec's own of names such as "__main__" and ".x", which no line of the user's raised
    return isinstance(error, ImportError | ValueError) and not own_code.place_of(error)


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


@dataclass(frozen=True)
class Builder:
    """Builds a network anew at each call, the same one but for its initial weights.

    Attributes:
        build: returns a `tf.keras.Model` from float32 (n, height, width, channels) to logits
            (n, num_classes), uncompiled.
        random_operations: the TensorFlow operations by which it draws at random, as a layer
            `Dropout` does; sorted.
        identity: what tells the network from others, for `identity.difference`.
        initial_weights: an `initial_weights.InitialWeights` that it starts from; None for those
            that its layers draw. Clients, who are sent weights, do without: they call `build`.
    """

    build: Callable[[], Any]
    random_operations: tuple[str, ...] = ()
    identity: dict[str, Any] = field(default_factory=dict)
    initial_weights: Any = None

    def __call__(self) -> Any:
        """Returns a new `tf.keras.Model`, with the weights that it starts from."""
        model = self.build()
        if self.initial_weights is not None:
            self.initial_weights.assign_to(model)
        return model

    def starting_from(self, file: Path, new_head: bool) -> "Builder":
        """Returns the same with weights from a file.

        Args:
            file: `.weights.h5` or `.keras`.
            new_head: whether the last layer with weights keeps its own.

        Raises:
            ValueError: if they do not fit, with a line for each that does not.
        """
        from models import initial_weights

        read = initial_weights.read(file, self.build(), new_head)
        identity = self.identity | {STARTED_FROM: read.describe()}
        return replace(self, identity=identity, initial_weights=read)


def file_digest(path: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal digits.

    Raises:
        ValueError: if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None


def load(
    name: str, input_shape: tuple[int, int, int], num_classes: int, seed: int | None = None
) -> Builder:
    """Finds a builder and tries it.

    Networks of users' own are made fit: they may be compiled, not called yet, for images of any
    size, or end in probabilities, of which the logarithm is then taken.

    Args:
        name: a key of `MODELS`, or "module:function"; the function is called with `input_shape` and
            `num_classes` and returns a `tf.keras.Model`.
        input_shape: (height, width, channels) of images, float32 in [0, 1].
        num_classes: number of logits that the model returns for an image.
        seed: of the global random generators, which a network of the user's own is tried under,
            and which are set to it again; they go on as they are without.

    Raises:
        ValueError: if there is no such builder, if its model does not fit images or classes, or if
            it cannot be trained by clients that share nothing but its trainable weights.
    """
    if problem := problem_with(name):
        raise ValueError(problem)
    module_name, function_name = (MODELS[name].builder if name in MODELS else name).split(":")
    with own_code.told(f"'{module_name}' cannot be imported"):
        module = importlib.import_module(module_name)
    builder = getattr(module, function_name, None)
    if not callable(builder):
        known = [found for found, value in vars(module).items() if callable(value)]
        near = difflib.get_close_matches(function_name, known, 1)
        raise ValueError(
            f"module '{module_name}' has no function '{function_name}'"
            + (f"; did you mean {near[0]}?" if near else "")
        )
    if name not in MODELS:
        from models import own

        return own.load(name, builder, input_shape, num_classes, seed)
    build = functools.partial(builder, input_shape, num_classes)
    model = build()
    _check(name, model, input_shape, num_classes)
    from models import identity

    told = identity.of_settings(model) | {"source_sha256": source_digest(name)}
    told |= {"image_shape": list(input_shape), "num_classes": num_classes}
    return Builder(build, identity=told)


def source_digest(name: str) -> str | None:
    """Returns the SHA-256 of the file that builds a model of this package, without importing it.

    Args:
        name: of a model; None is returned for one of a user's own.
    """
    if name not in MODELS:
        return None
    module = MODELS[name].builder.partition(":")[0].rpartition(".")[2]
    return hashlib.sha256((Path(__file__).parent / f"{module}.py").read_bytes()).hexdigest()


def _check(name: str, model: Any, input_shape: tuple[int, int, int], num_classes: int) -> None:
    for what, found, needed in (
        ("takes inputs", model.input_shape, (None, *input_shape)),
        ("returns outputs", model.output_shape, (None, num_classes)),
    ):
        if found != needed:
            raise ValueError(f"'{name}' {what} of shape {found}, but the data need {needed}")
