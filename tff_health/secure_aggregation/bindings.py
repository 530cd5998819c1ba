"""From the settings of an experiment to the protocols behind its secure sums.

Nothing here imports TensorFlow, and a protocol is imported when it is built, so that settings are
checked at once.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from crypto.elgamal.discrete_log import MAX_BOUND
from crypto.errors import CapacityError
from crypto.groups.base import Group
from crypto.groups.edwards25519 import EDWARDS25519
from crypto.groups.ffdhe import FFDHE2048, FFDHE3072
from crypto.groups.secp256k1 import SECP256K1
from crypto.protocols.masking.topology import CompleteGraph, RegularGraph, Topology
from crypto.session.consortium import EnrolledConsortium
from crypto.session.key_setup import KeySetup
from crypto.session.thresholds import describe_colluders, plan_threshold
from crypto.vector_schemes.packed_paillier import PackedPaillierScheme
from crypto.vector_schemes.scheme import VectorPlan, VectorScheme
from tff_health.secure_aggregation.protocols import BoundProtocols, SumProtocol
from tff_health.settings.groups.sums import ProtocolChoices

if TYPE_CHECKING:
    from crypto.protocols.masking.session import DoubleMasking

MAX_QUALITY_SUM = MAX_BOUND
GROUPS: dict[str, Group[Any]] = {
    group.name: group for group in (SECP256K1, EDWARDS25519, FFDHE2048, FFDHE3072)
}
_SPARSE_COLLUSION_RATE = 0.1
_SPARSE_DROPOUT_RATE = 0.1


@dataclass(frozen=True, kw_only=True)
class ProtocolSettings(ProtocolChoices):
    """What an experiment says about its protocol: what the user chose, and what follows.

    Attributes:
        dropout_rate: share of a cohort that may drop out.
        value_bits: of a client's number in a sum over the integers.
        fraction_bits: of updates' coordinates.
        cache_dir: where tables of logarithms are kept; None for in memory only.
    """

    dropout_rate: float
    value_bits: int
    fraction_bits: int = 16
    cache_dir: Path | None = None

    @property
    def largest_norm(self) -> int | None:
        """Of updates as integers; None if their norm has no bound."""
        return math.floor(self.norm_bound * 2.0**self.fraction_bits) or None


@dataclass(frozen=True)
class ProtocolPlan:
    """What a protocol means for one number of clients.

    Attributes:
        survivors: the fewest clients that must be left at the end of a session.
        reason: who works with whom, the threshold, and why.
        colluders: most clients that may help the server without learning more than the sum; None
            where that depends on a key holder instead.
        signed: whether that holds for a server that does not follow the protocol.
    """

    survivors: int
    reason: str
    colluders: int | None = None
    signed: bool = False

    @property
    def bears(self) -> str:
        """The number of colluders for people; empty where there is none."""
        if self.colluders is None:
            return ""
        return describe_colluders(self.colluders, signed=self.signed)


@dataclass(frozen=True)
class Apart:
    """What one party knows of the others when all are apart.

    Attributes:
        consortium: who signs with what.
        last_epoch: of the last key that was made for them; the next is later. It must outlive a
            restart of whoever numbers keys: the server, and an authority or key holder.
    """

    consortium: EnrolledConsortium
    last_epoch: int = 0


class Builder(Protocol):
    """Makes a protocol, bound to TFF's kinds of sums."""

    def __call__(self, settings: ProtocolSettings, apart: Apart | None = None, /) -> SumProtocol:
        """Returns the protocol; `apart` is None if all its roles are in this process."""
        ...


@dataclass(frozen=True)
class Binding:
    """How a scheme's protocol is made.

    Attributes:
        build: makes the protocol.
        plan: says what it means for a number of clients; raises
            `crypto.errors.ParameterError`, a ValueError, if they cannot meet the settings.
        uploads_at: the stage in which clients send their updates.
    """

    build: Builder
    plan: Callable[[ProtocolSettings, int], ProtocolPlan]
    uploads_at: str = "masked input"


def _double_masking(settings: ProtocolSettings, apart: Apart | None = None) -> SumProtocol:
    masking = _double_masking_kind(settings)(
        _topology(settings),
        signed=settings.signatures,
        consortium=_consortium(apart),
        **_bounded(settings),
    )
    return BoundProtocols.to_all(masking)


def _double_masking_kind(settings: ProtocolSettings) -> type["DoubleMasking"]:
    if settings.verify:
        from crypto.protocols.verified_sum.masking import VerifiedDoubleMasking

        return VerifiedDoubleMasking
    from crypto.protocols.masking.session import DoubleMasking

    return DoubleMasking


def _bounded(settings: ProtocolSettings) -> dict[str, Any]:
    """Returns the arguments of verified sums that others do not have."""
    return {"norm_bound": settings.largest_norm} if settings.verify else {}


def _plan_double_masking(settings: ProtocolSettings, num_clients: int) -> ProtocolPlan:
    return _planned(_topology(settings), num_clients, settings.signatures)


def _plan_quality_sum(settings: ProtocolSettings, num_clients: int) -> ProtocolPlan:
    return _planned(CompleteGraph(settings.threshold or None), num_clients, signed=False)


def _plan_hardened_quality_sum(settings: ProtocolSettings, num_clients: int) -> ProtocolPlan:
    return _planned(CompleteGraph(settings.threshold or None), num_clients, signed=True)


def _planned(topology: Topology, num_clients: int, signed: bool) -> ProtocolPlan:
    plan = topology.plan(num_clients, signed=signed)
    return ProtocolPlan(plan.min_survivors, plan.reason, plan.colluders, signed)


def _topology(settings: ProtocolSettings) -> Topology:
    if settings.topology == "sparse":
        rate = max(settings.dropout_rate, _SPARSE_DROPOUT_RATE)
        return RegularGraph(dropout_rate=rate, collusion_rate=_SPARSE_COLLUSION_RATE)
    return CompleteGraph(settings.threshold or None)


def _quality_sum(settings: ProtocolSettings, apart: Apart | None = None) -> SumProtocol:
    from crypto.protocols.pairwise_masking.session import PairwiseMasking
    from crypto.protocols.quality_sum.session import QualitySum
    from crypto.protocols.verified_sum.joint import VerifiedQualitySum
    from crypto.protocols.verified_sum.masking import VerifiedPairwiseMasking
    from tff_health.secure_aggregation.quality_protocol import QualityProtocol

    threshold = settings.threshold or None
    joint_kind = VerifiedQualitySum if settings.verify else QualitySum
    masking_kind = VerifiedPairwiseMasking if settings.verify else PairwiseMasking
    joint = joint_kind(
        threshold=threshold,
        group=GROUPS[settings.group],
        phi=settings.phi,
        key_setup=_key_setup(settings),
        proofs=settings.proofs,
        table_cache=settings.cache_dir,
        consortium=_consortium(apart),
        last_epoch=_last_epoch(apart),
        **_bounded(settings),
    )
    masking = masking_kind(
        threshold=threshold, key_setup=_key_setup(settings), consortium=_consortium(apart)
    )
    return QualityProtocol(joint, masking)


def _hardened_quality_sum(settings: ProtocolSettings, apart: Apart | None = None) -> SumProtocol:
    from crypto.protocols.quality_sum.session import HardenedQualitySum
    from crypto.protocols.verified_sum.joint import VerifiedHardenedQualitySum
    from tff_health.secure_aggregation.quality_protocol import QualityProtocol

    threshold = settings.threshold or None
    joint_kind = VerifiedHardenedQualitySum if settings.verify else HardenedQualitySum
    joint = joint_kind(
        threshold=threshold,
        group=GROUPS[settings.group],
        phi=settings.phi,
        table_cache=settings.cache_dir,
        consortium=_consortium(apart),
        last_epoch=_last_epoch(apart),
        **_bounded(settings),
    )
    masking = _double_masking_kind(settings)(
        CompleteGraph(threshold), consortium=_consortium(apart)
    )
    return QualityProtocol(joint, masking)


def _consortium(apart: Apart | None) -> EnrolledConsortium | None:
    return apart.consortium if apart else None


def _last_epoch(apart: Apart | None) -> int:
    return apart.last_epoch if apart else 0


def _keyed(settings: ProtocolSettings, apart: Apart | None) -> dict[str, Any]:
    """Returns the arguments of a protocol with a key holder."""
    return {
        "scheme": _vector_scheme(settings),
        "signed": settings.signatures,
        "consortium": _consortium(apart),
        "key_epoch": _last_epoch(apart) + 1,
    }


def _key_setup(settings: ProtocolSettings) -> KeySetup:
    return "dkg" if settings.key_setup == "dkg" else "authority"


def _homomorphic_sum(settings: ProtocolSettings, apart: Apart | None = None) -> SumProtocol:
    from crypto.protocols.homomorphic_sum.session import HomomorphicSum

    return BoundProtocols.to_all(HomomorphicSum(**_keyed(settings, apart)))


def _plan_homomorphic_sum(settings: ProtocolSettings, num_clients: int) -> ProtocolPlan:
    plan_threshold(num_clients)
    scheme = _vector_scheme(settings)
    plan = VectorPlan(1, settings.value_bits, num_clients)
    if plan.max_sum > scheme.max_sum:
        raise CapacityError(
            f"{num_clients} values of {plan.value_bits} bits may exceed {scheme.max_sum}, the "
            f"largest sum in {scheme.name}: lower --fraction_bits or --clip_range"
        )
    return _plan_without_dropouts(scheme, num_clients)


def _sparse_sum(settings: ProtocolSettings, apart: Apart | None = None) -> SumProtocol:
    from crypto.protocols.homomorphic_sum.session import HomomorphicSum
    from crypto.protocols.sparse_sum.session import SparseSum

    # Metrics are not sparse: one ciphertext holds all of them, and tells nothing of them.
    options = _keyed(settings, apart)
    dense, sparse = HomomorphicSum(**options), SparseSum(**options)
    return BoundProtocols(bitwidth=dense, max_input=dense, modular=sparse)


def _plan_sparse_sum(settings: ProtocolSettings, num_clients: int) -> ProtocolPlan:
    plan_threshold(num_clients)
    return _plan_without_dropouts(_vector_scheme(settings), num_clients)


def _plan_without_dropouts(scheme: VectorScheme, num_clients: int) -> ProtocolPlan:
    return ProtocolPlan(
        num_clients,
        f"{scheme.name}, {scheme.security_bits} bits of strength; without a client there is no sum",
    )


def _vector_scheme(settings: ProtocolSettings) -> VectorScheme:
    match settings.he:
        case "elgamal":
            from crypto.vector_schemes.exponential_elgamal import ElGamalScheme

            return ElGamalScheme(settings.cache_dir)
        case "ckks":
            from crypto.vector_schemes.ckks import CkksScheme

            return CkksScheme()
        case "bfv":
            from crypto.vector_schemes.bfv import BfvScheme

            return BfvScheme()
    return PackedPaillierScheme(settings.key_bits)


BINDINGS = {
    "double_masking": Binding(_double_masking, _plan_double_masking),
    "quality_sum": Binding(_quality_sum, _plan_quality_sum),
    "homomorphic_sum": Binding(_homomorphic_sum, _plan_homomorphic_sum, "upload"),
    "sparse_sum": Binding(_sparse_sum, _plan_sparse_sum, "upload"),
    "hardened_quality_sum": Binding(_hardened_quality_sum, _plan_hardened_quality_sum),
}
