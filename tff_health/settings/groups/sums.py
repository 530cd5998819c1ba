"""Settings of secure sums: what is summed, how it is encoded, and by which protocol."""

import math
from dataclasses import dataclass

from tff_health.settings.experiments import training
from tff_health.settings.groups.run import SUMMING, WEIGHING
from tff_health.settings.setting import POSITIVE, Range, setting

TOPOLOGIES = ("complete", "sparse")
QUALITY_DISTANCES = ("squares", "norm", "signs")
CURVES_AND_FIELDS = ("secp256k1", "edwards25519", "ffdhe2048", "ffdhe3072")
KEY_SETUPS = ("authority", "dkg")
HE_SCHEMES = ("paillier", "elgamal", "ckks", "bfv")
KEY_BITS = (2048, 3072)
_AND_COSTS = training(also=("costs",))
_AND_BOTH = training(also=("costs", "he"))


@dataclass(frozen=True, kw_only=True)
class EncodingSettings:
    """How updates become the integers that secure sums add."""

    fraction_bits: int = setting(
        "Updates are rounded to multiples of 2^-fraction_bits for a secure sum.",
        16,
        default_text="16, but 24 with --dp_noise=distributed",
        range=Range(least=0, most=50),
        unit="bits",
        schemes=SUMMING,
        experiments=_AND_BOTH,
    )
    clip_range: float = setting(
        "Largest magnitude of a coordinate of an update in a secure sum; larger ones are clipped.",
        4.0,
        default_text="4.0, but 1.0 with --dp_noise=distributed",
        range=POSITIVE,
        schemes=SUMMING,
        experiments=_AND_BOTH,
    )
    secure_metrics: bool = setting(
        "Whether the clients' metrics are summed securely as well.",
        True,
        schemes=SUMMING,
    )
    sparsity: float = setting(
        "Share of an update's coordinates that a client sends.",
        0.01,
        range=Range(above=0, most=1),
        schemes=("fedopt",),
    )
    vector_length: int = setting(
        "How many numbers a client's vector has.",
        0,
        default_text="as many as the model has parameters",
        range=Range(least=0, most=10**8, text=f"from 1 to {10**8}, or 0 for the model's"),
        experiments=("costs", "he"),
    )


@dataclass(frozen=True)
class QualitySettings:
    """How data quality is computed; see `local.quality.QualityRule`.

    Attributes:
        distance: between a client's gradient and the last global one.
        decimals: decimal places of a quality that are kept.
        largest: the upper end of the public range of qualities.
    """

    distance: str = setting(
        "Distance of gradients in the paper's eq. (14): the sum of squares (squares), its root "
        "(norm), or the sum in which opposite signs count four times (signs).",
        "squares",
        flag="quality_distance",
        choices=QUALITY_DISTANCES,
        schemes=WEIGHING,
    )
    decimals: int = setting(
        "Decimal places of a data quality that are kept, the paper's n.",
        2,
        flag="quality_decimals",
        range=Range(least=0, most=6),
        schemes=WEIGHING,
        experiments=_AND_COSTS,
    )
    largest: float = setting(
        "Upper end of the public range of data qualities; larger ones count as this.",
        1e6,
        flag="max_quality",
        range=POSITIVE,
        schemes=WEIGHING,
        experiments=_AND_COSTS,
    )


OF_VERIFIED_SUMS = ("verify", "norm_bound")
"""Settings that runs whose sums are not verified do not keep."""


@dataclass(frozen=True, kw_only=True)
class ProtocolChoices:
    """What a user chooses of the protocol behind secure sums."""

    threshold: int = setting(
        "Fewest clients that can finish a secure sum; 0 for floor(2n/3) + 1 of n clients where "
        "they sign, else a majority. A lower number bears more dropouts, and fewer clients that "
        "collude with the server.",
        0,
        range=Range(least=0, text="0 (the default) or more"),
        unit="clients",
        schemes=("bonawitz", "zhang", "zhang_hardened"),
        experiments=training(also=("statistics", "costs")),
    )
    topology: str = setting(
        "Who masks with whom: everyone with everyone (complete), or neighbours in a random graph "
        "(sparse).",
        "complete",
        choices=TOPOLOGIES,
        schemes=("bonawitz",),
        experiments=training(but=("schemes",), also=("statistics",)),
    )
    signatures: bool = setting(
        "Whether clients sign their messages, against a server that does not follow the protocol.",
        True,
        schemes=("bonawitz", "fedopt", "fang"),
        experiments=training(also=("statistics",)),
    )
    group: str = setting(
        "The group in which qualities are encrypted.",
        "secp256k1",
        choices=CURVES_AND_FIELDS,
        schemes=WEIGHING,
        experiments=_AND_COSTS,
    )
    key_setup: str = setting(
        "Who makes the keys: a trusted authority, or the clients among themselves (dkg).",
        "authority",
        choices=KEY_SETUPS,
        schemes=("zhang",),
    )
    phi: int = setting(
        "The paper's public factor in eq. (16).",
        1,
        range=Range(least=0),
        schemes=WEIGHING,
    )
    proofs: bool = setting(
        "Whether qualities are proven to lie in their range, and partial decryptions to be right.",
        False,
        schemes=("zhang",),
        experiments=training(but=("schemes",)),
    )
    verify: bool = setting(
        "Whether clients commit to their updates, and check the sum that the server publishes.",
        False,
        schemes=("bonawitz", "zhang", "zhang_hardened"),
        experiments=training(but=("schemes",)),
    )
    norm_bound: float = setting(
        "Largest L2 norm of a client's update; clients clip to it, and prove that they did with "
        "their commitments: who does not is left out of the round. 0 for no bound. Needs --verify.",
        0.0,
        range=Range(least=0, below=math.inf, text="0 (no bound) or more, and finite"),
        schemes=("bonawitz", "zhang", "zhang_hardened"),
        experiments=training(but=("schemes",)),
    )
    he: str = setting(
        "The homomorphic encryption of updates; ckks and bfv need package tenseal.",
        "paillier",
        choices=HE_SCHEMES,
        schemes=("fedopt", "fang"),
    )
    key_bits: int = setting(
        "Length of a Paillier key.",
        2048,
        choices=KEY_BITS,
        unit="bits",
        schemes=("fedopt", "fang"),
    )
