"""The messages by which an authority that is apart gives each client something of its own."""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from crypto.codec import ByClient, Message, PerClient
from crypto.codings import Client, Sized
from crypto.session.messages import ClientMessage, Key, SessionMessage


class MessageType(IntEnum):
    """Type numbers on the wire: 114 to 117 are these."""

    DELIVERY_KEY = 114
    DEALING_ORDER = 115
    DELIVERY = 116
    DEALT = 117


@dataclass(frozen=True)
class DeliveryKey(ClientMessage):
    """Client to authority: encrypt for this key; signed. The session is that which is dealt for.

    Attributes:
        key: an X25519 public key.
    """

    TYPE: ClassVar[int] = MessageType.DELIVERY_KEY
    key: Key


@dataclass(frozen=True)
class DealingOrder(Message):
    """Server to authority: deal to these clients.

    Attributes:
        order: what is to be dealt, encoded, as the clients were told too.
        keys: signed `DeliveryKey`s.
    """

    TYPE: ClassVar[int] = MessageType.DEALING_ORDER
    order: Sized
    keys: PerClient[Sized]


@dataclass(frozen=True)
class Delivery(SessionMessage):
    """Authority to one client, through the server; its signature follows.

    Attributes:
        receiver: the client.
        dealer_key: the authority's X25519 key for this dealing.
        sealed: what is dealt, encrypted.
    """

    TYPE: ClassVar[int] = MessageType.DELIVERY
    receiver: Client
    dealer_key: Key
    sealed: Sized


@dataclass(frozen=True)
class Dealt(Message):
    """Authority to server: all deliveries, and what the server may know.

    Attributes:
        deliveries: client -> its signed `Delivery`.
        public: as the protocol says; empty if there is nothing.
    """

    TYPE: ClassVar[int] = MessageType.DEALT
    deliveries: ByClient[Sized]
    public: Sized
