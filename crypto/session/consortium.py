"""Who signs with what, and who is known to whom: every client is enrolled here once."""

from crypto.parties import ClientId
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.randomness import SYSTEM, Randomness


class Consortium:
    """The clients of a protocol and their identities, for as long as the protocol lives.

    Here the process that runs all parties vouches for verify keys; in the field nobody but the
    clients may.

    Args:
        signed: whether its members sign.
        randomness: where identities come from.

    Attributes:
        registry: the verify keys of the clients so far; None if they do not sign.
    """

    def __init__(self, signed: bool, randomness: Randomness = SYSTEM) -> None:
        self.registry: dict[ClientId, VerifyKey] | None = {} if signed else None
        self._randomness = randomness
        self._identities: dict[ClientId, SigningIdentity] = {}

    def new_identity(self) -> SigningIdentity | None:
        """Return what a party that is no client signs with; None if nobody signs."""
        return None if self.registry is None else SigningIdentity.generate(self._randomness)

    def identity(self, client: ClientId) -> SigningIdentity | None:
        """Return what a client signs with; the first call makes it, and tells the others."""
        if self.registry is not None and client not in self._identities:
            identity = SigningIdentity.generate(self._randomness)
            self._identities[client] = identity
            self.registry[client] = identity.verify_key
        return self._identities.get(client)
