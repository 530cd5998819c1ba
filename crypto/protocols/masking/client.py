"""The client of double masking as it lives across rounds: its identity and its policy."""

from collections.abc import Mapping

from crypto.errors import ParameterError, PolicyError, blaming
from crypto.parties import SERVER, ClientId
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.protocols.masking.client_session import MaskingClientSession
from crypto.protocols.masking.graph import NeighbourGraph
from crypto.protocols.masking.messages import Invitation
from crypto.protocols.masking.parameters import ClientPolicy
from crypto.randomness import SYSTEM, Randomness
from crypto.session.joined_sessions import JoinedSessions, check_identities
from crypto.session.thresholds import check_cohort


class MaskingClient:
    """A client with its identity, for any number of sessions.

    Args:
        client_id: its number.
        identity: signs its messages; None if it takes part in unsigned sessions only.
        registry: the verify key of every client of the consortium, itself included. It must come
            over a way that the server cannot alter: signatures are worth what it is worth.
        policy: the least that it accepts of a session.
        randomness: where its keys come from.
    """

    def __init__(
        self,
        client_id: ClientId,
        identity: SigningIdentity | None = None,
        registry: Mapping[ClientId, VerifyKey] | None = None,
        policy: ClientPolicy | None = None,
        randomness: Randomness = SYSTEM,
    ) -> None:
        self.client_id = client_id
        self._identity = identity
        self._registry = registry or {}
        self._policy = policy or ClientPolicy()
        self._randomness = randomness
        self._joined = JoinedSessions(client_id)

    def join(self, data: bytes, binding: bytes = b"") -> tuple[MaskingClientSession, bytes]:
        """Advertise keys: accept an invitation and make the keys of one session.

        Args:
            data: an `Invitation`.
            binding: digest of what the server gave this client before; empty if it was nothing.

        Returns:
            The client's part in the session, and an `AdvertisedKeys` for the server.

        Raises:
            MalformedMessageError: if `data` is no invitation.
            ForeignMessageError: if it is for other clients.
            ReplayError: if this client has joined that very session before.
            PolicyError: if the session is weaker than the client's policy.
            ConsistencyError: if the session is bound to something else than `binding`.
            OpenedRoundError: if this client has unmasked in another session of the same round.
        """
        with blaming(SERVER):
            invitation = Invitation.from_bytes(data, len(self._registry) or None)
        opening = self._joined.check(invitation, binding)
        self._check_policy(invitation)
        session_id, parameters = opening.session_id, invitation.parameters
        try:
            graph = NeighbourGraph(invitation.cohort, parameters.degree, session_id)
        except ParameterError as error:
            raise PolicyError(str(error), SERVER) from error
        identity = self._identity if parameters.signed else None
        if parameters.signed and identity is None:
            raise PolicyError("a session with signatures, and this client has no identity", SERVER)
        self._joined.add(session_id)
        part = MaskingClientSession(
            self.client_id,
            invitation,
            graph,
            opening,
            identity=identity,
            registry=self._registry,
            randomness=self._randomness,
        )
        return part, part.advertise_keys()

    def _check_policy(self, invitation: Invitation) -> None:
        num_clients = len(invitation.cohort)
        check_cohort(num_clients, len(self._registry), self._policy.least_cohort)
        self._policy.check(num_clients, invitation.parameters)
        if invitation.parameters.signed:
            check_identities(invitation.cohort, self._registry)
