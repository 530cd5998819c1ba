"""How an authority that is apart gives each client something that the server must not see.

    server to client     what is to be dealt
    client to server     a fresh key for it, signed
    server to authority  the same, and all clients' keys
    authority to server  for each client what it gets, encrypted for it alone, and signed

The protocols whose authority it is assume a private and authentic channel from it to each client.
This is that channel, through a server that can withhold messages and nothing else.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from crypto.domain import domain_tag, encode_id
from crypto.errors import (
    ForeignMessageError,
    ParameterError,
    PolicyError,
    ReplayError,
    WrongTimeError,
    blaming,
)
from crypto.parties import AUTHORITY, SERVER, ClientId
from crypto.primitives.aead import decrypt_once, encrypt_once
from crypto.primitives.key_agreement import AgreementKeyPair, derive_key
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.randomness import SYSTEM, Randomness
from crypto.session.apart.channel import ApartChannel
from crypto.session.apart.delivery_messages import DealingOrder, Dealt, Delivery, DeliveryKey
from crypto.session.apart.participant import Call, Task
from crypto.session.consortium import Consortium, EnrolledConsortium
from crypto.session.signing import SIGNED_MESSAGE, sign_message, split_signed
from crypto.session.thresholds import MIN_CLIENTS

DELIVERY_PURPOSE: Final = "delivery"
"""Purpose of the authority's signatures of what it deals."""


def order_dealing(
    channel: ApartChannel, stage: str, clients: Sequence[ClientId], order: bytes
) -> tuple[dict[ClientId, bytes], bytes]:
    """Have the authority deal; run by the server.

    Args:
        channel: reaches authority and clients.
        stage: of the session.
        clients: who gets something.
        order: what is to be dealt.

    Returns:
        Client -> its signed `Delivery`, and what the server may know.

    Raises:
        AbortError: if the authority is not there or refuses.
        MalformedMessageError: naming the authority, if its answer is no `Dealt`.
    """
    asked = dict.fromkeys(clients, order)
    replies = list(channel.ask("delivery key", stage, asked))
    keys = [reply.data for reply in replies if reply.data is not None]
    answer = channel.consult("deal", stage, DealingOrder(order, tuple(keys)).to_bytes())
    with blaming(AUTHORITY):
        dealt = Dealt.from_bytes(answer, len(clients))
    return dict(dealt.deliveries), dealt.public


def delivery_tasks(
    client: ClientId,
    consortium: Consortium,
    identify: Callable[[bytes], bytes],
    take: Callable[[bytes], None],
) -> dict[str, Task]:
    """Return what a client does to get deliveries; arguments as those of `DeliveryReceiver`."""
    known = enrolled(consortium)
    if known.own is None or known.authority is None:
        raise ParameterError("a client that takes deliveries signs, and knows the authority's key")
    receiver = DeliveryReceiver(client, known.own, known.authority, identify, take)
    return {"delivery key": receiver.offer_key, "delivery": receiver.open}


def enrolled(consortium: Consortium) -> EnrolledConsortium:
    """Return what one party knows of its consortium.

    Raises:
        ParameterError: if one process vouches for all parties, so that none is apart.
    """
    if not isinstance(consortium, EnrolledConsortium):
        raise ParameterError("parties that are apart need an EnrolledConsortium")
    return consortium


def read_order(data: bytes, consortium: Consortium) -> DealingOrder:
    """Read an order; run by the authority.

    Raises:
        MalformedMessageError: if it is none.
    """
    return DealingOrder.from_bytes(data, len(enrolled(consortium).registry or ()))


def check_receivers(clients: Collection[ClientId], consortium: Consortium) -> None:
    """Refuse to deal to strangers or to too few; run by the authority.

    Raises:
        PolicyError: without a culprit.
    """
    registry = enrolled(consortium).registry or {}
    strangers = [client for client in clients if client not in registry]
    if strangers or len(clients) < MIN_CLIENTS:
        found = f"clients without known identity: {strangers[:5]}" if strangers else "too few"
        raise PolicyError(f"a dealing to {len(clients)} clients: {found}")


def read_delivery_keys(
    signed: Sequence[bytes], session_id: bytes, consortium: Consortium
) -> dict[ClientId, bytes]:
    """Return the clients' keys from an order; run by the authority.

    Raises:
        MalformedMessageError, ForeignMessageError, ReplayError, SignatureError: naming the server,
            for keys of strangers, of another dealing, twice of one client, or not signed.
    """
    registry: Mapping[ClientId, VerifyKey] = enrolled(consortium).registry or {}
    keys: dict[ClientId, bytes] = {}
    with blaming(SERVER):
        for data in signed:
            message, body, signature = split_signed(DeliveryKey, data, signed=True)
            if message.session_id != session_id or message.sender not in registry:
                raise ForeignMessageError("a key for another dealing, or of a stranger")
            if message.sender in keys:
                raise ReplayError("a second key of one client")
            registry[message.sender].verify(SIGNED_MESSAGE, body, signature)
            keys[message.sender] = message.key
    return keys


def seal_all(
    messages: Mapping[ClientId, bytes],
    keys: Mapping[ClientId, bytes],
    session_id: bytes,
    consortium: Consortium,
    *,
    public: bytes = b"",
    randomness: Randomness = SYSTEM,
) -> bytes:
    """Encrypt and sign what each client gets; run by the authority.

    Args:
        messages: client -> what it gets. Who has no key gets nothing.
        keys: from `read_delivery_keys`.
        session_id: what is dealt for.
        consortium: as the authority knows it.
        public: what the server may know.
        randomness: where the authority's key for this dealing comes from.

    Returns:
        An encoded `Dealt`.

    Raises:
        ParameterError: if this is no authority.
    """
    identity = enrolled(consortium).own
    if identity is None:
        raise ParameterError("an authority that is apart signs what it deals")
    ephemeral = AgreementKeyPair.generate(randomness)
    deliveries = []
    for client in sorted(messages.keys() & keys.keys()):
        agreed = ephemeral.agree(keys[client])
        key = _key(agreed, session_id, client, ephemeral.public, keys[client])
        sealed = encrypt_once(key, messages[client], b"")
        body = Delivery(session_id, client, ephemeral.public, sealed).to_bytes()
        deliveries.append((client, body + identity.sign(DELIVERY_PURPOSE, body)))
    return Dealt(tuple(deliveries), public).to_bytes()


class DeliveryReceiver:
    """A client that takes deliveries, for any number of dealings, one at a time.

    Args:
        client_id: the client.
        identity: signs its keys.
        authority: the authority's verify key.
        identify: from what is to be dealt, as the server says, to the session that it is for.
        take: is given what was dealt.
        randomness: where its keys come from.
    """

    def __init__(
        self,
        client_id: ClientId,
        identity: SigningIdentity,
        authority: VerifyKey,
        identify: Callable[[bytes], bytes],
        take: Callable[[bytes], None],
        randomness: Randomness = SYSTEM,
    ) -> None:
        self._client_id = client_id
        self._identity = identity
        self._authority = authority
        self._identify = identify
        self._take = take
        self._randomness = randomness
        self._waiting: tuple[bytes, AgreementKeyPair] | None = None

    def offer_key(self, call: Call) -> bytes:
        """Return a signed `DeliveryKey` for what is to be dealt, in place of any earlier one.

        Raises:
            MalformedMessageError: naming the server, if that cannot be read.
        """
        with blaming(SERVER):
            session_id = self._identify(call.data)
        keys = AgreementKeyPair.generate(self._randomness)
        self._waiting = session_id, keys
        return sign_message(DeliveryKey(session_id, self._client_id, keys.public), self._identity)

    def open(self, call: Call) -> None:
        """Open a `Delivery`, once.

        Raises:
            MalformedMessageError, SignatureError: naming the server, if it is not the authority's.
            WrongTimeError, ForeignMessageError: likewise, if it is not for the last key.
            AuthenticationError: naming the authority, if it does not open.
            Others as what takes it.
        """
        with blaming(SERVER):
            message, body, signature = split_signed(Delivery, call.data, signed=True)
            self._authority.verify(DELIVERY_PURPOSE, body, signature)
            if self._waiting is None:
                raise WrongTimeError("a delivery that this client does not wait for")
            session_id, keys = self._waiting
            if (message.session_id, message.receiver) != (session_id, self._client_id):
                raise ForeignMessageError("a delivery for another session or client")
        self._waiting = None
        with blaming(AUTHORITY):
            agreed, ends = keys.agree(message.dealer_key), (message.dealer_key, keys.public)
            key = _key(agreed, session_id, self._client_id, *ends)
            dealt = decrypt_once(key, message.sealed, b"")
        self._take(dealt)


def _key(
    agreed: bytes,
    session_id: bytes,
    client: ClientId,
    dealer_key: bytes,
    client_key: bytes,
) -> bytes:
    parts = session_id, encode_id(client), dealer_key, client_key
    return derive_key(agreed, domain_tag("session/delivery", *parts))
