"""How long the runs of a study may take: from a few steps of the model, and a few small sums."""

import time
from collections.abc import Sequence

from tff_health.data.examples import LabelledImages
from tff_health.data.federated import FederatedImages
from tff_health.errors import ConfigError
from tff_health.experiments.config import RunConfig
from tff_health.experiments.study import Part, Study
from tff_health.reporting.progress import duration
from tff_health.runtime.bindings import BINDINGS
from tff_health.runtime.scheme_probe import ProbeTask, SchemeProbe, probe
from tff_health.runtime.service import num_processors
from tff_health.schemes import SCHEMES

_START_SECONDS = 8.0  # building TFF's processes, starting a worker
_KEY_SECONDS = 3.0  # keys and tables of a scheme's protocol
_PROBE_LENGTH = 8000
_FEWEST_CLIENTS = 5
_STEPS, _STEP_SECONDS = 40, 1.0
_EXAMPLES = 1000  # that steps are timed on
_LEARNING_RATE = 0.01
_PRIVATE_FACTOR = 2.0  # clipping takes up to that many times as long as a plain step
_FORWARD_SHARE = 1 / 3  # of a training step: the test part is only classified


class Estimates:
    """Estimates for the parts of a study; what is measured is measured once.

    Args:
        study: has the data.
        parts: its runs.
    """

    def __init__(self, study: Study, parts: Sequence[Part]) -> None:
        self._study = study
        self._parts = parts
        self._probes: dict[str, SchemeProbe] = {}
        self._speeds: dict[tuple[object, ...], tuple[float, int]] = {}

    def seconds(self) -> dict[str, float]:
        """Returns what each part may take, by name, if nothing of it is done yet."""
        return {part.name: self._part_seconds(part.config) for part in self._parts}

    def probe(self, scheme: str) -> SchemeProbe:
        """Returns how a scheme's protocol behaves, by small sums over the study's clients."""
        if scheme not in self._probes:
            config = next(p.config for p in self._parts if p.config.scheme == scheme)
            self._probes[scheme] = _probe(config)
        return self._probes[scheme]

    def _part_seconds(self, config: RunConfig) -> float:
        step_seconds, parameters = self._speed(config)
        federated = self._study.federated(config)
        at_once = min(num_processors(), config.num_clients)
        steps = _steps(config, federated) / at_once
        tested = len(federated.test) / config.batch_size / num_processors() * _FORWARD_SHARE
        tested *= (8 if config.test_flips else 1) * (4 if config.test_rotations else 1)
        models = config.num_clients if config.scheme == "local" else 1
        a_round = steps * step_seconds + models * tested * step_seconds / config.eval_every
        known = self.probe(config.scheme)
        if known.survives:
            a_round += known.fixed_seconds + known.seconds_per_number * parameters
        keys = _KEY_SECONDS if known.survives else 0.0
        return _START_SECONDS + keys + config.rounds * a_round

    def _speed(self, config: RunConfig) -> tuple[float, int]:
        """Seconds of a training step on one processor, and trainable parameters."""
        changes = (config.train_flips, config.train_rotations, bool(config.train_colours))
        key = (config.model, config.batch_size, bool(config.client_momentum), *changes)
        if key not in self._speeds:
            self._speeds[key] = time_steps(self._study.images, config)
        return self._speeds[key]


def _steps(config: RunConfig, federated: FederatedImages) -> float:
    """How many steps of `--batch_size` the training of all clients in a round is worth."""
    if config.draws_lots:
        examples = config.num_clients * config.local_steps * config.lot_size
        return _PRIVATE_FACTOR * examples / config.batch_size
    examples = sum(len(client.training) for client in federated.clients)
    return config.local_epochs * examples / config.batch_size


def _probe(config: RunConfig) -> SchemeProbe:
    protocol = SCHEMES[config.scheme].protocol
    if protocol is None:
        return SchemeProbe({}, "", 0.0, 0.0)
    weighs = "max_quality" in SCHEMES[config.scheme].settings
    task = ProbeTask(
        length=_PROBE_LENGTH,
        # Of three clients, none may drop out whatever the scheme: two would see each other's sums.
        num_clients=max(config.num_clients, _FEWEST_CLIENTS),
        modulus_bits=config.modulus_bits,
        max_quality=config.max_update_weight if weighs else 0,
    )
    return probe(BINDINGS[protocol].build(config.protocol_settings()), task)


def time_steps(images: LabelledImages, config: RunConfig) -> tuple[float, int]:
    """Times training steps as a client takes them: images prepared, gradient, descent.

    Args:
        images: whose first ones are trained on.
        config: model, batch size, and what happens to images.

    Returns:
        seconds of a step, as one processor takes them; number of trainable parameters.

    Raises:
        ConfigError: if the model cannot be built for these images.
    """
    # Imports TensorFlow, which takes seconds, and which much of this module's users do without.
    import tensorflow as tf

    import models
    from tff_health.data.client_data import batches_of
    from tff_health.experiments.training import preparation_of

    try:
        model = models.load(config.model, images.image_shape, images.num_classes)()
    except Exception as error:  # a user's builder may raise anything
        raise ConfigError(f"--model={config.model}: {type(error).__name__}: {error}") from error
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    weights = model.trainable_variables
    velocities = [tf.Variable(tf.zeros_like(weight)) for weight in weights]
    labels, pixels = (tf.constant(a[:_EXAMPLES]) for a in (images.labels, images.pixels))
    preparation, momentum = preparation_of(config), config.client_momentum

    @tf.function
    def take(steps: tf.Tensor) -> None:
        stream = tf.constant((0, 0), tf.int64)
        order = tf.range(steps * config.batch_size) % tf.size(labels, tf.int64)
        prepared = batches_of(
            *(labels, pixels, order, config.batch_size),
            lambda chosen, start: preparation.images(chosen, stream + start),
        )
        for batch, its_labels in prepared:
            with tf.GradientTape() as tape:
                value = loss(its_labels, model(batch, training=True))
            gradients = tape.gradient(value, weights)
            for weight, velocity, gradient in zip(weights, velocities, gradients, strict=True):
                if momentum:
                    gradient = velocity.assign(momentum * velocity + gradient)  # noqa: PLW2901
                weight.assign_sub(_LEARNING_RATE * gradient)

    traced = take.get_concrete_function(tf.TensorSpec((), tf.int64))

    def seconds_of(steps: int) -> float:
        start = time.process_time()
        traced(tf.constant(steps, tf.int64))
        return time.process_time() - start

    seconds_of(1)  # prepares it
    steps = max(1, min(_STEPS, round(_STEP_SECONDS / seconds_of(1))))
    parameters = sum(int(weight.shape.num_elements()) for weight in weights)
    return seconds_of(steps) / steps, parameters


def dry_run_text(study: Study, parts: Sequence[Part]) -> str:
    """Says what would run and how long that may take, in lines for people."""
    seconds = Estimates(study, parts).seconds()
    lines, left = [], 0.0
    for part in parts:
        done = study.is_done(part)
        left += 0.0 if done else seconds[part.name]
        what = "done" if done else f"about {duration(seconds[part.name])}"
        config = part.config
        lines.append(
            f"  {part.name:24s} {config.rounds:4d} rounds, {config.num_clients:3d} clients, "
            f"{_sizes(config)}: {what}"
        )
    return "\n".join([f"{len(parts)} runs, about {duration(left)} left:", *lines])


def _sizes(config: RunConfig) -> str:
    if config.draws_lots:
        return f"{config.local_steps} lots of {config.lot_size}"
    return f"batches of {config.batch_size}"
