"""Settings of differential privacy."""

from dataclasses import dataclass

from tff_health.settings.experiments import training
from tff_health.settings.groups.run import MAX_SEED
from tff_health.settings.setting import COUNT, Range, setting

NOISES = ("none", "local", "distributed", "client")
ENGINES = ("fast", "tfp_optimizer")
"""How gradients are clipped: by the rules of `privacy.layer_rules`, or by TF Privacy's optimizer,
which differentiates the loss of every example and so needs no rules."""
UNITS = ("record", "group")
ACCOUNTANTS = ("pld", "rdp")
OF_LOTS = ("lot_size", "local_steps", "clipping_norm")
"""Settings that mean something to training on private lots alone."""
OF_BATCHES = ("batch_size", "local_epochs")
"""Settings that mean something to training on batches alone."""
_PRIVATE = training(but=("ablation",))
_RELEASING = training(but=("ablation",), also=("statistics",))
_CHOSEN = training(but=("ablation", "privacy", "privacy_tuning"), also=("statistics",))
_NOT_NEGATIVE = Range(least=0, below=float("inf"))
_SHARE = Range(above=0, most=1)


@dataclass(frozen=True, kw_only=True)
class PrivacyChoices:
    """Differential privacy: what epsilon protects, who adds the noise, and how much."""

    noise: str = setting(
        "Who adds the noise of differential privacy. local: every client adds noise to each step, "
        "so that its update is private by itself; distributed: every client adds a share, so that "
        "the secure sum is private; client: the server adds noise that hides whole clients, by "
        "adaptive clipping.",
        "none",
        flag="dp_noise",
        choices=NOISES,
        experiments=_PRIVATE,
    )
    engine: str = setting(
        "How gradients are clipped: from layers' inputs and outputs (fast), or by TF Privacy's own "
        "optimizer, which is slower and knows every layer.",
        "fast",
        flag="dp_engine",
        choices=ENGINES,
        experiments=_PRIVATE,
    )
    unit: str = setting(
        "What epsilon protects: an image (record), or all images that belong together, such as "
        "those of a lesion or a patient (group).",
        "record",
        flag="dp_unit",
        choices=UNITS,
        experiments=_RELEASING,
    )
    epsilon: float = setting(
        "Privacy budget of every client over all rounds: the noise follows from it, or training "
        "ends before it is exceeded if --noise_multiplier is given too; 0 for no budget.",
        0.0,
        range=_NOT_NEGATIVE,
        experiments=_CHOSEN,
    )
    delta: float = setting(
        "Probability with which the promise of epsilon may fail.",
        1e-5,
        range=Range(above=0, below=1),
        experiments=_RELEASING,
    )
    noise_multiplier: float = setting(
        "Standard deviation of the noise divided by the clipping norm; 0 to have it follow from "
        "--epsilon.",
        0.0,
        range=_NOT_NEGATIVE,
        experiments=_CHOSEN,
    )
    clipping_norm: float = setting(
        "Largest L2 norm of one example's gradient; with --dp_noise=client, of an update in the "
        "first round.",
        1.0,
        range=Range(above=0, below=float("inf")),
        experiments=_PRIVATE,
    )
    lot_size: int = setting(
        "Expected number of examples (groups) in a step of private training, drawn by Poisson "
        "sampling; takes the place of --batch_size.",
        512,
        range=COUNT,
        unit="examples",
        experiments=_PRIVATE,
    )
    local_steps: int = setting(
        "Steps of a client in a round of private training; takes the place of --local_epochs.",
        20,
        range=COUNT,
        unit="steps",
        experiments=_PRIVATE,
    )
    accountant: str = setting(
        "What computes epsilon, both of dp_accounting: privacy loss distributions (pld), or Renyi "
        "differential privacy (rdp).",
        "pld",
        choices=ACCOUNTANTS,
        experiments=_RELEASING,
    )
    honest_fraction: float = setting(
        "Share of the clients in a sum whose part of distributed noise is counted on.",
        1.0,
        range=_SHARE,
        experiments=_RELEASING,
    )
    noise_seed: int = setting(
        "Seed from which lots and noise are drawn, to repeat a run; whoever knows it can take the "
        "noise away. -1 to draw them from the operating system.",
        -1,
        range=Range(least=-1, far=MAX_SEED, text="0 or more, or -1 for the operating system"),
        experiments=_PRIVATE,
    )
