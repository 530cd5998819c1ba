"""The task of a run: model, data of clients, and rates, as the settings and the images say."""

from pathlib import Path

import tensorflow as tf

from tff_health.data import client_data
from tff_health.data.client_data import DataOf
from tff_health.data.examples import ExamplePixels
from tff_health.data.federated import FederatedImages
from tff_health.data.lots import lots
from tff_health.data.pack import packed_in_pieces
from tff_health.data.pixels import held_if_small, images_within
from tff_health.data.preparation import Preparation
from tff_health.hostile.data import poisoned
from tff_health.local.evaluation import Evaluator
from tff_health.local.model_weights import ModelWeights
from tff_health.local.task import Optimizer, SumSettings, Task
from tff_health.privacy.clipped_sum import check_layers
from tff_health.privacy.mechanism import Mechanism
from tff_health.settings.config import RunConfig
from tff_health.training.data_facts import DataFacts
from tff_health.training.hostility import attack_of
from tff_health.training.noise_key import noise_key
from tff_health.training.random_draws import check_draws
from tff_health.training.run_model import load_for

_VALIDATION_BATCH = 500  # images, or fewer if they are large


def build_task(
    config: RunConfig,
    federated: FederatedImages,
    scratch: Path,
    privacy: Mechanism | None = None,
) -> Task:
    """Builds the model and the clients' data of `config`, which lie in folders in `scratch`.

    Raises:
        ConfigError: if the model cannot be built for these images, or not be trained privately.
    """
    facts = DataFacts.of(federated)
    return task_for(config, facts, scratch, privacy, packed_in_pieces(federated))


def task_for(
    config: RunConfig,
    facts: DataFacts,
    scratch: Path,
    privacy: Mechanism | None = None,
    in_pieces: bool = False,
) -> Task:
    """As `build_task`, from facts about data that are elsewhere.

    Args:
        config: the settings.
        facts: about the data of all clients.
        scratch: has what clients hold, packed, in `clients`.
        privacy: how training is made private.
        in_pieces: how it is packed, as `packed_in_pieces` says.
    """
    shape, num_classes = facts.image_shape, facts.num_classes
    folder, scaling = (scratch / "clients").absolute(), config.scaling
    optimizer, attack = config.optimizer, attack_of(config)
    tf.keras.utils.set_random_seed(config.run.seed)
    build_model = load_for(config, shape, num_classes)
    draws = bool(build_model.random_operations)
    if draws:
        check_draws(config, build_model)
    if privacy is not None and privacy.is_clients_own:
        check_layers(build_model(), privacy.engine)
    initial_weights = ModelWeights.of(build_model())
    tf.random.set_seed(None)  # noise that TensorFlow draws must not follow from it
    return Task(
        # Clients' work is rewritten by AutoGraph; builders are plain Python.
        build_model=tf.autograph.experimental.do_not_convert(build_model.build),
        initial_weights=initial_weights,
        image_shape=shape,
        training_data=poisoned(
            _training_data(*(config, folder, shape, num_classes, privacy, draws, in_pieces)),
            *(attack, num_classes, scaling),
        ),
        validation_data=client_data.validation_data(
            *(folder, shape, images_within(shape, 4, _VALIDATION_BATCH), scaling, in_pieces)
        ),
        client_optimizer=Optimizer(
            optimizer.learning_rate, optimizer.client_momentum, optimizer.decay_rounds
        ),
        server_optimizer=Optimizer(optimizer.server_learning_rate, optimizer.server_momentum),
        sums=SumSettings(
            fraction_bits=config.sums.fraction_bits,
            clip_range=config.sums.clip_range,
            max_clients=config.cohort.num_clients,
            max_examples=config.training.local_epochs * facts.most_examples,
            secure_metrics=config.sums.secure_metrics,
            norm_bound=config.protocol.norm_bound,
        ),
        quality=config.quality,
        sparsity=config.sums.sparsity,
        memory_folder=(scratch / "memory").absolute(),
        privacy=privacy,
        draws=draws,
        scales_updates=config.scales_updates,
        update_norm=config.robust.update_norm,
        attack=attack,
    )


def preparation_of(config: RunConfig) -> Preparation:
    """Returns what happens to training images and their order."""
    given = config.preparation
    return Preparation(
        *(config.scaling, given.train_flips, given.train_rotations),
        *(given.train_colours, given.class_balance),
    )


def _training_data(
    config: RunConfig,
    folder: Path,
    shape: tuple[int, int, int],
    num_classes: int,
    privacy: Mechanism | None,
    draws: bool,
    in_pieces: bool,
) -> DataOf:
    preparation = preparation_of(config)
    if privacy is None or not privacy.is_clients_own:
        return client_data.training_data(
            *(
                folder,
                shape,
                config.training.batch_size,
                config.training.local_epochs,
                config.run.seed,
            ),
            *(preparation, num_classes, draws, in_pieces),
        )
    is_begun = any((folder.parent / "checkpoints").glob("*"))
    key = noise_key(folder.parent / "noise.key", config.privacy.noise_seed, is_begun)
    by_group = privacy.unit == "group"
    drawn = privacy.lot_size, privacy.steps, key, preparation, by_group
    return lots(folder, shape, *drawn, in_pieces)


def build_evaluator(task: Task, federated: FederatedImages, config: RunConfig) -> Evaluator:
    """Returns the server's evaluation on the test part."""
    pixels = held_if_small(ExamplePixels(federated.test, federated.images, federated.augmenter))
    return Evaluator(
        *(task.build_model(), pixels, federated.test.labels),
        *(federated.images.num_classes, config.scaling),
        *(config.preparation.test_flips, config.preparation.test_rotations),
    )
