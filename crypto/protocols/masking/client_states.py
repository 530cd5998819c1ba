"""What a client holds between its steps: each step consumes one state and leaves the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from crypto.parties import ClientId
from crypto.primitives.key_agreement import AgreementKeyPair
from crypto.protocols.masking.messages import SharePair
from crypto.protocols.masking.peers import ShareChannels
from crypto.protocols.masking.unmasking_messages import SurvivorSet


@dataclass(frozen=True)
class Advertised:
    """Keys are made and advertised."""

    mask_keys: AgreementKeyPair
    share_keys: AgreementKeyPair
    seed: bytes = field(repr=False)


@dataclass(frozen=True)
class Shared:
    """Both secrets are dealt."""

    mask_keys: AgreementKeyPair
    seed: bytes = field(repr=False)
    channels: ShareChannels
    own_pair: SharePair


@dataclass(frozen=True)
class Uploaded:
    """The vector is masked and gone; only shares are left."""

    held: Mapping[ClientId, SharePair]


@dataclass(frozen=True)
class Confirmed:
    """One set of survivors is signed."""

    held: Mapping[ClientId, SharePair]
    survivors: SurvivorSet


State: TypeAlias = Advertised | Shared | Uploaded | Confirmed
