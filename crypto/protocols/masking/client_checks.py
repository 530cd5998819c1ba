"""What a client of double masking holds against what the server tells it of the others."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from crypto.errors import (
    ConsistencyError,
    ForeignMessageError,
    SignatureError,
    ThresholdError,
    WrongContentError,
    blaming,
)
from crypto.parties import SERVER, ClientId
from crypto.primitives.signatures import VerifyKey
from crypto.protocols.masking.graph import NeighbourGraph
from crypto.protocols.masking.messages import Invitation, KeyDirectory
from crypto.protocols.masking.peers import check_new_keys
from crypto.protocols.masking.unmasking_messages import Agreement, AgreementList, SurvivorSet
from crypto.session.signing import SIGNED_MESSAGE


@dataclass(frozen=True)
class ClientChecks:
    """What one client knows of a session before it begins.

    Attributes:
        client_id: the client.
        invitation: to the session.
        graph: who masks with whom.
        registry: the verify keys of the clients; unused in sessions without signatures.
    """

    client_id: ClientId
    invitation: Invitation
    graph: NeighbourGraph
    registry: Mapping[ClientId, VerifyKey]

    def check_directory(self, directory: KeyDirectory, own: Collection[bytes]) -> None:
        """Refuse keys of strangers, unsigned keys, and one key under two names.

        Args:
            directory: what the server sent.
            own: the client's public keys.

        Raises:
            ForeignMessageError: naming the server, for keys of no neighbour.
            SignatureError: naming a client whose keys are not signed by it.
            ConsistencyError: naming the second client under whose name a key stands.
        """
        known, neighbours = {*own}, self._neighbours()
        for entry in directory.entries:
            keys = entry.keys
            if keys.sender not in neighbours:
                raise ForeignMessageError(f"keys of {keys.sender}, no neighbour", SERVER)
            if self.invitation.parameters.signed:
                with blaming(keys.sender):
                    self.registry[keys.sender].verify(
                        SIGNED_MESSAGE, keys.to_bytes(), entry.signature
                    )
            elif entry.signature:
                raise SignatureError("a signature in a session without", SERVER)
            with blaming(keys.sender):
                check_new_keys(known, keys.mask_key, keys.share_key)
            known |= {keys.mask_key, keys.share_key}

    def check_survivors(self, survivors: SurvivorSet, sharers: Collection[ClientId]) -> None:
        """Refuse a set that cannot be true, or would reveal more than it should.

        Args:
            survivors: what the server said.
            sharers: those of whose secrets the client holds shares, itself included.

        Raises:
            ConsistencyError, ThresholdError: as they say.
        """
        alive, minimum = frozenset(survivors.survivors), self.invitation.parameters.min_survivors
        if self.client_id not in alive:
            raise ConsistencyError("this client uploaded and is said to have dropped out", SERVER)
        if not alive <= frozenset(self.invitation.cohort):
            raise ConsistencyError("survivors that were never invited", SERVER)
        if not alive & self._neighbours() <= {*sharers}:
            raise ConsistencyError("survivors that never shared their keys", SERVER)
        if len(alive) < minimum:
            raise ThresholdError("survivors", len(alive), minimum)
        self.require(len(alive & {*sharers}), "neighbours that survived")
        if not self.graph.connects(alive):
            raise ConsistencyError("the survivors fall apart into groups", SERVER)

    def check_agreements(self, agreements: AgreementList, survivors: SurvivorSet) -> None:
        """Refuse a set of survivors that too few neighbours signed.

        Raises:
            WrongContentError: naming the server, for signatures of others.
            SignatureError: naming the server, for a signature that does not verify.
            ThresholdError: for too few.
        """
        signers = self._neighbours() & {*survivors.survivors}
        digest = survivors.digest()
        for signer, signature in agreements.signatures:
            if signer not in signers:
                raise WrongContentError(f"the agreement of {signer}, no neighbour", SERVER)
            agreement = Agreement(survivors.session_id, signer, digest)
            with blaming(SERVER):
                self.registry[signer].verify(SIGNED_MESSAGE, agreement.to_bytes(), signature)
        self.require(len(agreements.signatures) + 1, "agreements on the survivors")

    def require(self, found: int, what: str) -> None:
        """Enforce the threshold over the holders, this client among them.

        Raises:
            ThresholdError: for fewer.
        """
        threshold = self.invitation.parameters.threshold
        if found < threshold:
            raise ThresholdError(what, found, threshold)

    def _neighbours(self) -> frozenset[ClientId]:
        return frozenset(self.graph.neighbours(self.client_id))
