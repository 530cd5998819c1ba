"""What attackers find out about the models of experiment `privacy`, and from one update."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

import models
from tff_health.attacks import views
from tff_health.attacks.gradients import Gradient, mean_gradient
from tff_health.attacks.inversion import invert
from tff_health.attacks.likeness import similarity
from tff_health.attacks.membership import MembershipResult, Outputs, infer_membership
from tff_health.data.examples import Examples
from tff_health.data.federated import FederatedImages
from tff_health.data.seeds import generator
from tff_health.experiments.privacy.attack_figures import AttackedImage, FoundImage
from tff_health.experiments.privacy.attack_report import Attacks
from tff_health.measurements.masked_upload import masked_upload
from tff_health.reporting.progress import Progress
from tff_health.settings.config import RunConfig
from tff_health.studies.study import Part, PartResult, Study
from tff_health.training.run_model import load_builder

_MEMBERS = 5000
_BATCH = 1000
_ATTACKED_MODEL = "tanh_cnn"
_MODULUS_BITS, _CLIENTS = 32, 3
_NORM, _HARDLY_ANY = 1.0, (0.001, 0.01)  # to show where noise begins to hide


def attack(study: Study, results: dict[str, PartResult]) -> Attacks:
    """Attacks the models of the first seed, and one client's first step under each budget.

    Args:
        study: has the data.
        results: of the parts, whose models lie in their folders.
    """
    parts = [result.part for result in results.values()]
    first = [part for part in parts if part.config.run.seed == parts[0].config.run.seed]
    seen = _views(study, first, results)
    with Progress("attacks", "attack", len(first) + len(seen.found), 0) as progress:
        found = {}
        for done, part in enumerate(first):
            found[part.group] = infer(part.config, study, study.folder(part).path)
            progress.update(done + 1, part.group)
        images = []
        for done, (name, gradient) in enumerate(seen.found.items()):
            images.append(seen.search(gradient))
            progress.update(len(first) + done + 1, f"gradient inversion, {name}")
    budgets = {part.group: part.config.privacy.epsilon or math.inf for part in first}
    return Attacks(found, budgets, list(seen.found), [AttackedImage(seen.original, images)])


def infer(config: RunConfig, study: Study, folder: Path) -> MembershipResult:
    """Infers who was a member of the training data of a run, from its final model.

    Args:
        config: of the run.
        study: has the data.
        folder: of the run, with its model.
    """
    federated = study.federated(config)
    images = federated.images
    model = load_builder(config, images)()
    model.load_weights(folder / "model.weights.h5")
    members = Examples.joined([client.training for client in federated.clients])
    inside, outside = (
        _outputs(model, federated, examples, config) for examples in (members, federated.test)
    )
    return infer_membership(inside, outside)


def _outputs(
    model: tf.keras.Model, federated: FederatedImages, examples: Examples, config: RunConfig
) -> Outputs:
    rng = generator(config.run.seed, "attacked examples")
    chosen = examples.take(rng.permutation(len(examples))[:_MEMBERS])
    pixels = np.concatenate(list(chosen.pixels(federated.images, federated.augmenter)))
    batches = (pixels[at : at + _BATCH] for at in range(0, len(pixels), _BATCH))
    logits = [model(config.scaling.scale(batch), training=False).numpy() for batch in batches]
    return Outputs(np.concatenate(logits), chosen.labels.astype(np.int64))


@dataclass(frozen=True, eq=False)
class _Seen:
    """What a server sees of a client whose first step was on one image.

    Attributes:
        model: with the weights that the client began with.
        original: float32 (height, width, channels).
        found: by name, what the server takes for the gradient.
    """

    model: tf.keras.Model
    original: NDArray[np.float32]
    found: dict[str, Gradient]

    def search(self, gradient: Gradient) -> FoundImage:
        height, width, channels = self.original.shape
        result = invert(self.model, gradient, (height, width, channels))
        likeness = similarity(self.original[np.newaxis], result.images)
        return FoundImage(result.images[0], float(likeness.psnr[0]), float(likeness.ssim[0]))


def _views(study: Study, parts: Sequence[Part], results: dict[str, PartResult]) -> _Seen:
    config = parts[0].config
    federated = study.federated(config)
    images = federated.images
    tf.keras.utils.set_random_seed(config.run.seed)
    model = models.load(_ATTACKED_MODEL, images.image_shape, images.num_classes)()
    example = federated.clients[0].training.take(np.array([0]))
    [pixels] = list(example.pixels(images, federated.augmenter))
    original = (pixels / 255).astype(np.float32)
    labels = example.labels.astype(np.int64)
    gradient = mean_gradient(model, original, labels)
    found: dict[str, Gradient] = {
        "plain update": gradient,
        "masked update": _masked(gradient, config.sums.fraction_bits),
    }
    noises = {f"noise {multiplier:g}": (_NORM, multiplier) for multiplier in _HARDLY_ANY}
    for part in sorted(parts, key=lambda part: -part.config.privacy.epsilon):
        if spent := results[part.name].outcome.privacy:
            noises[part.group] = (part.config.privacy.clipping_norm, spent.terms.noise_multiplier)
    for name, (norm, multiplier) in noises.items():
        rng = generator(config.run.seed, "noise of the attacked step")
        # A lot of one image: who knows all others of a lot can take them away.
        found[name] = views.private([gradient], norm, multiplier, rng)
    return _Seen(model, original[0], found)


def _masked(gradient: Gradient, fraction_bits: int) -> Gradient:
    """The real upload of a client of three; the others' vectors are of no matter under masks."""
    flat = np.concatenate([part.ravel() for part in gradient]).astype(np.float64)
    integers = np.rint(flat * 2.0**fraction_bits).astype(np.int64).astype(np.uint64)
    mine = integers & np.uint64(2**_MODULUS_BITS - 1)
    vectors = {0: mine, **{client: np.zeros_like(mine) for client in range(1, _CLIENTS)}}
    upload = masked_upload(vectors, _MODULUS_BITS, client=0)
    shapes = [part.shape for part in gradient]
    return views.masked(upload, shapes, _MODULUS_BITS, fraction_bits)
