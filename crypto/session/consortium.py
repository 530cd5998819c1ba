"""Who signs with what, and who is known to whom: every client is enrolled here once."""

from collections.abc import Mapping

from crypto.parties import AUTHORITY, ClientId, Party
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.randomness import SYSTEM, Randomness


class Consortium:
    """The clients of a protocol and their identities, for as long as the protocol lives.

    Here the process that runs all parties vouches for verify keys; in the field nobody but the
    clients may, and `EnrolledConsortium` takes the place of this class.

    Args:
        signed: whether its members sign.
        randomness: where identities come from.

    Attributes:
        registry: the verify keys of the clients so far; None if they do not sign.
        authority: the verify key of the authority, or key holder, if it is known beforehand.
    """

    authority: VerifyKey | None = None

    def __init__(self, signed: bool, randomness: Randomness = SYSTEM) -> None:
        self.registry: dict[ClientId, VerifyKey] | None = {} if signed else None
        self._randomness = randomness
        self._identities: dict[ClientId, SigningIdentity] = {}

    def new_identity(self) -> SigningIdentity | None:
        """Return what the authority signs with, or key holder; None if nobody signs."""
        return None if self.registry is None else SigningIdentity.generate(self._randomness)

    def identity(self, client: ClientId) -> SigningIdentity | None:
        """Return what a client signs with; the first call makes it, and tells the others."""
        if self.registry is not None and client not in self._identities:
            identity = SigningIdentity.generate(self._randomness)
            self._identities[client] = identity
            self.registry[client] = identity.verify_key
        return self._identities.get(client)


class EnrolledConsortium(Consortium):
    """The consortium as one of its parties knows it, when all are apart.

    Args:
        registry: the verify keys of all clients; from where the server cannot alter them.
        authority: the verify key of the authority, or key holder; None if there is none.
        party: whose knowledge this is.
        own: what it signs with; None for the server, which signs nothing.
    """

    def __init__(
        self,
        registry: Mapping[ClientId, VerifyKey],
        authority: VerifyKey | None = None,
        *,
        party: Party,
        own: SigningIdentity | None = None,
    ) -> None:
        super().__init__(signed=True)
        self.registry = dict(registry)
        self.authority = authority
        self.party = party
        self.own = own

    def new_identity(self) -> SigningIdentity | None:
        """Return what the authority signs with, if this is its knowledge; else None."""
        return self.own if self.party == AUTHORITY else None

    def identity(self, client: ClientId) -> SigningIdentity | None:
        """Return what a client signs with, if this is its knowledge; else None."""
        return self.own if self.party == client else None
