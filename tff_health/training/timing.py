"""Times what training runs consist of, on this machine and as busy as it is now."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import tensorflow as tf
import tensorflow_federated as tff

from tff_health.data.client_data import batches_of
from tff_health.data.examples import LabelledImages
from tff_health.data.part_reading import held
from tff_health.local.evaluation import Evaluator
from tff_health.settings.config import RunConfig
from tff_health.training.run_model import load_builder
from tff_health.training.task import preparation_of

_EXAMPLES = 1000  # that are trained on and classified
_SECONDS = 1.0  # of steps, after which a client's other steps are taken to last as long


def client_seconds(images: LabelledImages, config: RunConfig, steps: int, at_once: int) -> float:
    """Times one client's training in a round, while others train beside it.

    Images are prepared, gradients are taken and TFF's optimizer descends, in a loop like TFF's.

    Args:
        images: whose first ones are trained on.
        config: model, batch size, optimizer, and what happens to images.
        steps: of the client in a round, 1 or more.
        at_once: clients that train at the same time, 1 or more.

    Returns:
        seconds.

    Raises:
        ConfigError: if the model cannot be built for these images.
    """
    model = load_builder(config, images)()
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    weights = model.trainable_variables
    labels, pixels = (tf.constant(a[:_EXAMPLES]) for a in (images.labels, images.pixels))
    preparation = preparation_of(config)
    optimizer = tff.learning.optimizers.build_sgdm(
        config.optimizer.learning_rate, config.optimizer.client_momentum or None
    )

    @tf.function
    def train(steps: tf.Tensor) -> None:
        stream = tf.constant((0, 0), tf.int64)
        order = tf.range(steps * config.training.batch_size) % tf.size(labels, tf.int64)
        prepared = batches_of(
            *(labels, held(pixels), order, config.training.batch_size),
            lambda chosen, start: preparation.images(chosen, stream + start),
        )
        state = optimizer.initialize([tf.TensorSpec(w.shape, w.dtype) for w in weights])
        # By an iterator, as `TRAINING_LOOP` has it: the data set itself takes twice as long.
        for batch, its_labels in iter(prepared):
            with tf.GradientTape() as tape:
                value = loss(its_labels, model(batch, training=True))
            state, trained = optimizer.next(state, weights, tape.gradient(value, weights))
            for weight, new in zip(weights, trained, strict=True):
                weight.assign(new)

    traced = train.get_concrete_function(tf.TensorSpec((), tf.int64))

    def timed(steps: int) -> float:  # all change the same weights, which takes as long
        with ThreadPoolExecutor(at_once) as pool:
            return _timed(lambda: [*pool.map(traced, [tf.constant(steps, tf.int64)] * at_once)])

    timed(1)  # prepares it
    few = 1
    while (seconds := timed(few)) < _SECONDS and few < steps:
        few = min(steps, 4 * few)
    return seconds * steps / few


def evaluation_seconds(images: LabelledImages, config: RunConfig) -> float:
    """Times how one image of the test part is judged.

    Args:
        images: whose first ones are judged.
        config: model, and in which views images are judged.

    Returns:
        seconds an image, many being judged together.

    Raises:
        ConfigError: if the model cannot be built for these images.
    """
    model = load_builder(config, images)()
    labels, pixels = images.labels[:_EXAMPLES], images.pixels[:_EXAMPLES]
    views = (config.preparation.test_flips, config.preparation.test_rotations)
    evaluator = Evaluator(model, pixels, labels, images.num_classes, config.scaling, *views)
    weights = tff.learning.models.ModelWeights.from_model(model)
    evaluator.evaluate(weights)  # prepares it
    return _timed(lambda: evaluator.evaluate(weights)) / len(labels)


def _timed(work: Callable[[], object]) -> float:
    start = time.monotonic()
    work()
    return time.monotonic() - start
