"""The client of double masking as it lives across rounds: its identity and its policy."""

from collections.abc import Mapping

from crypto.errors import ParameterError, PolicyError
from crypto.parties import ClientId
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.protocols.masking.client_session import MaskingClientSession
from crypto.protocols.masking.graph import NeighbourGraph
from crypto.protocols.masking.messages import Invitation
from crypto.protocols.masking.parameters import ClientPolicy
from crypto.randomness import SYSTEM, Randomness
from crypto.session.joined_sessions import check_identities
from crypto.session.opened_rounds import Opening
from crypto.session.sum_client import SumClient
from crypto.session.thresholds import check_cohort


class MaskingClient(SumClient[MaskingClientSession]):
    """A client with its identity, for any number of sessions.

    Args:
        client_id: its number.
        identity: signs its messages; None if it takes part in unsigned sessions only.
        registry: the verify key of every client of the consortium, itself included. It must come
            over a way that the server cannot alter: signatures are worth what it is worth.
        policy: the least that it accepts of a session.
        randomness: where its keys come from.
    """

    INVITATION = Invitation

    def __init__(
        self,
        client_id: ClientId,
        identity: SigningIdentity | None = None,
        registry: Mapping[ClientId, VerifyKey] | None = None,
        policy: ClientPolicy | None = None,
        randomness: Randomness = SYSTEM,
    ) -> None:
        super().__init__(client_id, identity, registry, randomness)
        self._policy = policy or ClientPolicy()

    def _part(
        self,
        invitation: Invitation,
        opening: Opening,
        *trusted: VerifyKey,  # noqa: ARG002
    ) -> MaskingClientSession:
        self._check_policy(invitation)
        parameters = invitation.parameters
        try:
            graph = NeighbourGraph(invitation.cohort, parameters.degree, opening.session_id)
        except ParameterError as error:
            raise PolicyError(str(error)) from error
        identity = self.identity if parameters.signed else None
        if parameters.signed and identity is None:
            raise PolicyError("a session with signatures, and this client has no identity")
        return MaskingClientSession(
            self.client_id,
            invitation,
            graph,
            opening,
            identity=identity,
            registry=self._registry,
            randomness=self._randomness,
        )

    def _check_policy(self, invitation: Invitation) -> None:
        num_clients = len(invitation.cohort)
        check_cohort(num_clients, len(self._registry), self._policy.least_cohort)
        self._policy.check(num_clients, invitation.parameters)
        if invitation.parameters.signed:
            check_identities(invitation.cohort, self._registry)
