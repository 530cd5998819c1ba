"""A study's protocol as one party knows it, and the place of clients in the study."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from crypto.parties import AUTHORITY, ClientId, Party
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.protocols.quality_sum.joint_roles import JointRoles
from crypto.session.consortium import EnrolledConsortium
from crypto.session.sum_roles import SumRoles
from tff_health.federation.consortium.registry import Registry
from tff_health.federation.errors import FederationError
from tff_health.federation.study import Study
from tff_health.schemes import SCHEMES
from tff_health.secure_aggregation.bindings import BINDINGS, Apart
from tff_health.secure_aggregation.protocols import SumProtocol


def protocol_of(
    study: Study,
    registry: Registry,
    party: Party,
    identity: SigningIdentity | None,
    cache_dir: Path | None = None,
) -> SumProtocol:
    """Returns what computes a study's secure sums, with this party's keys.

    Keys that last are numbered by the clock, so that those of a program that was started anew are
    later than all before. With distributed noise all agree on the threshold of a full cohort also
    where a site is away: over fewer clients than that, a sum has less noise than is counted.

    Args:
        study: the study.
        registry: of its consortium.
        party: whose program this is.
        identity: with which it signs; None for the server.
        cache_dir: where tables are kept; None for in memory only.

    Raises:
        FederationError: if the scheme of the study has no secure sums.
    """
    name = SCHEMES[study.config.run.scheme].protocol
    if name is None:
        raise FederationError(
            f"scheme {study.config.run.scheme} has no secure sums, and sites that are apart show "
            "nothing else: choose another scheme"
        )
    consortium = EnrolledConsortium(
        {c: key for c, key in registry.verify_keys.items() if c in study.clients},
        authority_key(registry),
        party=party,
        own=identity,
    )
    apart = Apart(consortium, last_epoch=time.time_ns() // 10**6)
    settings = study.config.protocol_settings(cache_dir)
    if fewest := noise_needs(study):
        settings = replace(settings, threshold=fewest)
    return BINDINGS[name].build(settings, apart)


def noise_needs(study: Study) -> int:
    """Returns how many clients must be in a sum for its noise to be enough; 0 if any number may."""
    is_shared = study.config.privacy.noise == "distributed"
    return study.plan.survivors if is_shared and study.plan else 0


def roles_by_label(protocol: SumProtocol) -> dict[str, SumRoles[Any] | JointRoles]:
    """Returns the roles of each protocol of a study, by its label."""
    found: dict[str, SumRoles[Any] | JointRoles] = {}
    for label, one in protocol.by_label.items():
        if not isinstance(one, SumRoles | JointRoles):
            raise TypeError(f"{type(one).__name__} has no roles that can be apart")
        found[label] = one
    return found


def validates(study: Study) -> bool:
    """Tells whether sites measure models on what they put aside; what they tell has no noise."""
    return study.config.data.validation_fraction > 0 and study.config.privacy.noise == "none"


def needs_authority(protocol: SumProtocol) -> bool:
    """Tells whether a protocol has an authority, or key holder."""
    return any(roles.authority_tasks("") for roles in roles_by_label(protocol).values())


def authority_key(registry: Registry) -> VerifyKey | None:
    """Returns the verify key of the authority, or key holder; None if the registry has none."""
    for member in registry.members:
        if member.party == AUTHORITY and not member.revoked:
            return member.verify_key
    return None


def place_of(study: Study, client: ClientId) -> int:
    """Returns a client's place among the clients of a study, from 0, as the data are shared out.

    Raises:
        FederationError: if it is not in the study.
    """
    if client not in study.clients:
        raise FederationError(
            f"client {client} is not in study '{study.section.name}', whose clients are "
            f"{', '.join(map(str, study.clients))}"
        )
    return study.clients.index(client)
