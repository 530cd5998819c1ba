"""A client of verified sums as it lives across rounds: the protocol's client, and its identity."""

from typing import Protocol

from crypto.errors import ParameterError, PolicyError, blaming
from crypto.parties import SERVER, ClientId
from crypto.primitives.signatures import SigningIdentity
from crypto.protocols.verified_sum.client_session import InnerPart, VerifyingClientSession
from crypto.protocols.verified_sum.messages import VerifiedInvitation
from crypto.protocols.verified_sum.terms import read_terms
from crypto.protocols.verified_sum.verification import Registry
from crypto.randomness import SYSTEM, Randomness
from crypto.session.joined_sessions import check_identities


class InnerClient(Protocol):
    """A client of the protocol that sums."""

    def join(self, data: bytes, binding: bytes = b"") -> tuple[InnerPart, bytes]:
        """Accept an invitation; return the client's part and its first answer."""
        ...


class VerifyingClient:
    """A client that joins no session but those whose sums it can check.

    Args:
        client_id: its number.
        inner: the same client in the protocol that sums.
        identity: signs its commitments and receipts.
        registry: the verify keys of all clients, from where the server cannot alter them.
        randomness: where what hides its commitments comes from.
    """

    def __init__(
        self,
        client_id: ClientId,
        inner: InnerClient,
        identity: SigningIdentity,
        registry: Registry,
        randomness: Randomness = SYSTEM,
    ) -> None:
        self.client_id = client_id
        self.inner = inner
        self._identity = identity
        self._registry = registry
        self._randomness = randomness

    def join(self, data: bytes, binding: bytes = b"") -> tuple[VerifyingClientSession, bytes]:
        """Accept an invitation, and join the session inside it.

        Args:
            data: a `VerifiedInvitation`.
            binding: digest of what the server gave this client before; empty if it was nothing.

        Returns:
            The client's part in the session, and the protocol's first answer.

        Raises:
            MalformedMessageError: for any other invitation, also one to a sum that is not verified.
            ConsistencyError: if it contradicts itself.
            PolicyError: if there are no commitments for such sums, or clients without identity.
            Others as the protocol's client.
        """
        with blaming(SERVER):
            invitation = VerifiedInvitation.from_bytes(data)
            try:
                terms = read_terms(invitation)
            except ParameterError as error:
                raise PolicyError(str(error)) from error
            check_identities(terms.cohort, self._registry)
        inner, answer = self.inner.join(invitation.inner, binding)
        part = VerifyingClientSession(
            self.client_id,
            invitation,
            terms,
            inner,
            identity=self._identity,
            registry=self._registry,
            randomness=self._randomness,
        )
        return part, answer
