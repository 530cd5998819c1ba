"""The system key of threshold ElGamal as the parties of joint sessions hold it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Generic

from crypto.domain import domain_hash, encode_id
from crypto.elgamal.encryption import PublicKey
from crypto.elgamal.threshold import KeyShare, ThresholdKey
from crypto.errors import ForeignMessageError
from crypto.groups.base import Element, Group
from crypto.parties import ClientId
from crypto.primitives.shamir import holder_point


@dataclass(frozen=True)
class SystemKey(Generic[Element]):
    """What everybody knows of a system key.

    Attributes:
        key: public key, threshold, and commitments that give the verification keys.
        holders: the clients it was made for, in increasing order; a holder's share has the point
            of its place among them, from 1.
        epoch: the number of the key, later than that of every key before.
    """

    key: ThresholdKey[Element]
    holders: tuple[ClientId, ...]
    epoch: int

    @property
    def group(self) -> Group[Element]:
        """The group of the key."""
        return self.key.group

    @property
    def public(self) -> PublicKey[Element]:
        """The key under which qualities are encrypted."""
        return self.key.public_key

    @cached_property
    def key_id(self) -> bytes:
        """A hash of all the above, 32 bytes."""
        holders = b"".join(map(encode_id, self.holders))
        epoch = self.epoch.to_bytes(8, "little")
        commitments = map(self.group.encode, self.key.commitments)
        parts = self.group.name.encode(), epoch, holders, *commitments
        return domain_hash("quality sum/system key", *parts)

    @cached_property
    def verification_keys(self) -> Mapping[ClientId, Element]:
        """Holder -> g^(s_i), to which its partial decryptions are held."""
        return {client: self.key.verification_key(self.point(client)) for client in self.holders}

    def point(self, client: ClientId) -> int:
        """Return the x_i of a holder.

        Raises:
            ForeignMessageError: if the client is none.
        """
        if client not in self.holders:
            raise ForeignMessageError(f"client {client} has no share of this key")
        return holder_point(self.holders, client)


@dataclass(frozen=True)
class HeldKey(Generic[Element]):
    """What one client holds of a system key.

    Attributes:
        system: what everybody knows.
        share: its own share.
    """

    system: SystemKey[Element]
    share: KeyShare
