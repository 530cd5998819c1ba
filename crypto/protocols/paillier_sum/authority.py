"""The authority of Paillier sums: it makes the key, and decrypts one sum a session."""

from collections.abc import Mapping

from crypto.errors import (
    ForeignMessageError,
    MalformedMessageError,
    ParameterError,
    ReplayError,
    ThresholdError,
    WrongContentError,
    blaming,
)
from crypto.paillier.phe_keys import KEY_BITS, PaillierPrivateKey, PaillierPublicKey
from crypto.parties import SERVER, ClientId
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.protocols.paillier_sum.messages import (
    Consent,
    DecryptedSum,
    DecryptionOrder,
    KeyAnnouncement,
    digest_of,
)
from crypto.session.signing import SIGNED_MESSAGE

KEY_PURPOSE = "Paillier key"
"""Purpose of the authority's signatures."""


class PaillierAuthority:
    """The holder of one private key, for the sums of one set of clients.

    Another set takes another authority with another key: else clients who hold a majority of a set
    of their own could have ciphertexts of others decrypted. Under the same identity it takes the
    place of this one, whose key clients then refuse.

    Args:
        clients: whose sums it decrypts, in increasing order.
        threshold: e, how many of them must consent.
        identity: signs the key; None only if all parties follow the protocol.
        registry: the clients' verify keys; None in sessions without signatures.
        key_bits: of the modulus.
        epoch: the number of its key, later than that of every key that this identity has signed;
            the last one must outlive a restart.

    Raises:
        ParameterError: for impossible clients, threshold, key_bits or epoch.
    """

    def __init__(
        self,
        clients: tuple[ClientId, ...],
        threshold: int,
        identity: SigningIdentity | None,
        registry: Mapping[ClientId, VerifyKey] | None,
        key_bits: int = KEY_BITS,
        epoch: int = 1,
    ) -> None:
        self._private = PaillierPrivateKey.generate(key_bits)
        n = self._private.public_key.n
        modulus = n.to_bytes((n.bit_length() + 7) // 8, "little")
        self.announcement = KeyAnnouncement(epoch, clients, threshold, modulus)
        self.signature = b""
        if identity is not None:
            self.signature = identity.sign(KEY_PURPOSE, self.announcement.to_bytes())
        self._registry = registry
        self._decrypted: set[bytes] = set()

    def decrypt(self, data: bytes) -> bytes:
        """Decrypt the sum of one session, once.

        Args:
            data: a `DecryptionOrder`.

        Returns:
            A `DecryptedSum`.

        Raises:
            MalformedMessageError: if it is none, or carries what are no ciphertexts.
            ReplayError: if this session had its sum.
            ForeignMessageError: for consents of clients of no concern here.
            ThresholdError: if too few consent.
            SignatureError: if a consent is not its client's, or to another product.

            WrongContentError: naming nobody, if the sum is none of values in range.

        Guarantees: a refused order decrypts nothing, and its error names the server.
        """
        with blaming(SERVER):
            order = DecryptionOrder.from_bytes(data)
            if order.session_id in self._decrypted:
                raise ReplayError("a second sum in one session")
            self._check_consents(order)
            key = self._private.public_key
            count, rest = divmod(len(order.product), key.ciphertext_bytes)
            if rest:
                raise MalformedMessageError("no whole number of ciphertexts")
            product = key.decode_all(order.product, count)
            self._decrypted.add(order.session_id)
        values = tuple(map(self._private.decrypt, product))
        try:
            return DecryptedSum(order.session_id, values).to_bytes()
        except ParameterError:
            raise WrongContentError(
                "a client encrypted a number out of range; it cannot be told which"
            ) from None

    def _check_consents(self, order: DecryptionOrder) -> None:
        announcement = self.announcement
        if not {client for client, _ in order.consents} <= set(announcement.clients):
            raise ForeignMessageError("a consent of a client of no concern here")
        if len(order.consents) < announcement.threshold:
            raise ThresholdError("consents", len(order.consents), announcement.threshold)
        if self._registry is None:
            return
        for client, signature in order.consents:
            digest = digest_of(order.session_id, client, order.product)
            consent = Consent(order.session_id, client, digest)
            self._registry[client].verify(SIGNED_MESSAGE, consent.to_bytes(), signature)


def read_key(announcement: KeyAnnouncement, least_bits: int) -> PaillierPublicKey:
    """Return the public key that an announcement carries.

    Raises:
        MalformedMessageError: naming the server, for no odd number or a key that is too short.
    """
    n = int.from_bytes(announcement.modulus, "little")
    try:
        key = PaillierPublicKey(n)
    except ParameterError as error:
        raise MalformedMessageError(str(error), SERVER) from error
    if key.bits < least_bits:
        raise MalformedMessageError(f"a key of {key.bits} bits, not {least_bits}", SERVER)
    return key
