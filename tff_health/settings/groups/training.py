"""Settings of training: the model, its rounds, the optimizers, and what happens to images."""

from dataclasses import dataclass

import models
from tff_health.settings.experiments import training
from tff_health.settings.groups.run import SHARING
from tff_health.settings.setting import COUNT, MAX_COUNT, POSITIVE, Range, setting

_MOMENTUM = Range(least=0, below=1)
_SHARE = Range(least=0, most=1)
NORMALISATIONS = ("none", "public", "secure")
OF_INITIAL_WEIGHTS = ("initial_weights", "new_head")
"""Settings that runs without initial weights do not keep."""


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """The model, and how long it is trained."""

    model: str = setting(
        f"The Keras model: {', '.join(models.MODELS)}, or module:function for your own, called "
        "with input_shape and num_classes.",
        experiments=training(also=("costs", "he")),
    )
    initial_weights: str = setting(
        "File of weights to start from, .weights.h5 or .keras of Keras 2.14 or 3, for the same "
        "network. Differential privacy does not cover the images that they were trained on.",
        "",
        default_text="none; weights are drawn from the seed",
    )
    new_head: bool = setting(
        "Whether the network's last layer is drawn from the seed all the same, for other classes "
        "than those of --initial_weights.",
        False,
    )
    rounds: int = setting(
        "Rounds of training.",
        range=COUNT,
        experiments=training(but=("dropout",)),
    )
    batch_size: int = setting(
        "Examples in a step of a client.",
        range=COUNT,
        unit="examples",
        experiments=training(but=("batch_size",)),
    )
    local_epochs: int = setting(
        "How often a client goes through its examples in a round.",
        1,
        range=COUNT,
    )
    eval_every: int = setting(
        "Rounds from one evaluation on the test part to the next.",
        1,
        range=COUNT,
        unit="rounds",
        experiments=training(but=("dropout",)),
    )


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """Gradient descent of clients and server."""

    learning_rate: float = setting(
        "Learning rate of the clients' gradient descent.",
        range=POSITIVE,
    )
    client_momentum: float = setting(
        "Momentum of the clients' gradient descent; 0 for none.",
        0.0,
        range=_MOMENTUM,
    )
    decay_rounds: int = setting(
        "Rounds over which the clients' learning rate falls to 0 along half a cosine; 0 to keep "
        "the rate.",
        0,
        default_text="all rounds with --preset=tuned, else 0",
        range=Range(least=0, far=MAX_COUNT, text="0 (no decay) or more"),
        unit="rounds",
    )
    server_learning_rate: float = setting(
        "Learning rate of the server, which takes the mean of updates for a gradient.",
        1.0,
        range=POSITIVE,
        schemes=SHARING,
    )
    server_momentum: float = setting(
        "Momentum of the server's step; 0 for none.",
        0.0,
        range=_MOMENTUM,
        schemes=SHARING,
    )


@dataclass(frozen=True, kw_only=True)
class PreparationSettings:
    """What happens to images and their order on the way into the network."""

    normalise: str = setting(
        "Whether channels are standardised: not at all (none), by public constants of the data set "
        "(public, also --normalise alone), or by the mean and deviation over all clients, which "
        "one secure sum tells before the first round (secure).",
        "none",
        choices=NORMALISATIONS,
        is_switch=True,
    )
    train_flips: bool = setting(
        "Whether training images are flipped and transposed at random, anew in every epoch.",
        False,
    )
    train_rotations: bool = setting(
        "Whether training images are rotated by up to 45 degrees and scaled by up to 15 % at "
        "random, anew in every epoch.",
        False,
    )
    train_colours: float = setting(
        "How far contrast and colours of training images are changed at random, anew in every "
        "epoch: by up to so many standard deviations of their channels. Needs --normalise.",
        0.0,
        range=_SHARE,
        unit="standard deviations",
    )
    test_flips: bool = setting(
        "Whether the test part is judged by the mean answer over an image's symmetries, flips and "
        "transposes; that takes eight times as long.",
        False,
    )
    test_rotations: bool = setting(
        "Whether the test part is judged by the mean answer over an image as it is, rotated by 45 "
        "degrees, and 10 % larger and smaller, too; that takes four times as long.",
        False,
    )
    class_balance: float = setting(
        "How far clients even out their own classes, from 0 (not at all) to 1 (all classes equally "
        "often).",
        0.0,
        range=_SHARE,
    )
