"""The server of double masking.

It relays keys and shares, adds up the masked vectors as they arrive, and removes from their sum
the masks that did not cancel. Each stage is closed by the method that makes the next messages.
"""

from collections.abc import Iterable, Mapping

from crypto.encoding.residues import ResidueSum
from crypto.errors import (
    ConsistencyError,
    ProtocolError,
    ShareError,
    ThresholdError,
    WrongContentError,
    WrongTimeError,
)
from crypto.parties import SERVER, ClientId, Party
from crypto.primitives.key_agreement import check_public_key
from crypto.primitives.shamir import Share, holder_point
from crypto.primitives.signatures import VerifyKey
from crypto.protocols.masking.complaints import Complaints
from crypto.protocols.masking.graph import NeighbourGraph
from crypto.protocols.masking.messages import (
    AdvertisedKeys,
    DealtPair,
    DeliveredShares,
    DirectoryEntry,
    EncryptedShares,
    Invitation,
    KeyDirectory,
    MaskedVector,
    ShareComplaint,
)
from crypto.protocols.masking.pairwise import add_pairwise_masks
from crypto.protocols.masking.parameters import MaskingParameters
from crypto.protocols.masking.peers import check_new_keys
from crypto.protocols.masking.returned_shares import explain_missing, sort_shares
from crypto.protocols.masking.stages import CLIENT_MESSAGES, FAREWELLS, Stage
from crypto.protocols.masking.unmasking import SecretRecovery, Unmasked
from crypto.protocols.masking.unmasking_messages import (
    Agreement,
    AgreementList,
    KeyShare,
    SelfMaskShare,
    SurvivorSet,
    UnmaskingAnswer,
)
from crypto.randomness import SYSTEM, Randomness
from crypto.session.exchange import Opening
from crypto.session.messages import NONCE_BYTES, ClientMessage
from crypto.session.staged_server import StagedServer


class MaskingServer(StagedServer):
    """The server's part in one session.

    Args:
        cohort: the clients asked, in increasing order.
        parameters: the session's public parameters.
        round_id: the training round.
        registry: the verify keys of the clients; needed in signed sessions.
        randomness: where the session's nonce comes from.
        binding: digest of what the server gave the clients before; empty if it gave nothing.

    Raises:
        ParameterError: for a cohort out of order or parameters that do not fit it.

    Attributes:
        invitation: what it announces.
        findings: what clients complained of, and whom the server found to have dealt or given back
            false shares: who says so, and an error that names the accused.
    """

    def __init__(
        self,
        cohort: tuple[ClientId, ...],
        parameters: MaskingParameters,
        round_id: int,
        registry: Mapping[ClientId, VerifyKey] | None = None,
        randomness: Randomness = SYSTEM,
        binding: bytes = b"",
    ) -> None:
        nonce = randomness.bytes(NONCE_BYTES)
        self.invitation = Invitation(nonce, round_id, cohort, parameters, binding=binding)
        super().__init__(
            self.invitation.session_id(),
            CLIENT_MESSAGES,
            parameters.min_survivors,
            (registry or {}) if parameters.signed else None,
            FAREWELLS,
        )
        self._parameters = parameters
        graph = NeighbourGraph(cohort, parameters.degree, self.session_id)
        self._graph = graph
        self._neighbours = {client: graph.neighbours(client) for client in cohort}
        self._keys: dict[ClientId, DirectoryEntry] = {}
        self._public_keys: set[bytes] = set()
        self._dealt: dict[ClientId, dict[ClientId, DealtPair]] = {}
        self._complaints = Complaints(parameters)
        self.findings: list[tuple[Party, ProtocolError]] = []
        self._sharers: frozenset[ClientId] = frozenset()
        self._total = ResidueSum(parameters.length, parameters.modulus_bits)
        self._survivors: SurvivorSet | None = None
        self._agreements: dict[ClientId, bytes] = {}
        self._answers: dict[ClientId, UnmaskingAnswer] = {}

    def openings(self) -> Iterable[tuple[str, Opening]]:
        """Return what opens each stage of this session, in their order; `unmask` closes it."""
        signed = self._parameters.signed
        agreement: dict[str, Opening] = {Stage.CONSISTENCY: self.announce_survivors}
        return {
            Stage.ADVERTISE_KEYS: self.invite,
            Stage.SHARE_KEYS: self.publish_keys,
            Stage.MASKED_INPUT: self.deliver_shares,
            **(agreement if signed else {}),
            Stage.UNMASKING: self.publish_agreements if signed else self.announce_survivors,
        }.items()

    def invite(self) -> dict[ClientId, bytes]:
        """Open the session; return an `Invitation` for each client of the cohort."""
        return self._invite(self.invitation.cohort, self.invitation)

    def publish_keys(self) -> dict[ClientId, bytes]:
        """Close stage one; return a `KeyDirectory` for each client that advertised keys."""
        present = self._advance(Stage.ADVERTISE_KEYS, Stage.SHARE_KEYS)
        return {
            client: KeyDirectory(
                self.session_id, tuple(self._keys[peer] for peer in self._peers(client, present))
            ).to_bytes()
            for client in sorted(present)
        }

    def deliver_shares(self) -> dict[ClientId, bytes]:
        """Close stage two; return a `DeliveredShares` for each client that dealt shares."""
        present = self._sharers = self._advance(Stage.SHARE_KEYS, Stage.MASKED_INPUT)
        messages = {}
        for client in sorted(present):
            ciphertexts = tuple(
                (peer, self._dealt[peer][client].to_bytes())
                for peer in self._peers(client, present)
            )
            messages[client] = DeliveredShares(self.session_id, ciphertexts).to_bytes()
        return messages

    def announce_survivors(self) -> dict[ClientId, bytes]:
        """Close the upload; return a `SurvivorSet` for each survivor.

        Raises:
            ShareError: naming a dealer of false shares, if too few clients are left because of it.
            ThresholdError: if the sum could not be unmasked with all survivors' help, before
                anything is asked of them.
            ConsistencyError: if too few are left because of complaints of which it cannot be told
                who lies; or if the survivors fall apart into groups that mask among themselves.
        """
        following = Stage.CONSISTENCY if self._parameters.signed else Stage.UNMASKING
        self.findings += self._complaints.findings()
        try:
            present = self._door.close(Stage.MASKED_INPUT)
            self._check_holders(present)
        except ThresholdError as error:
            raise self._complaints.explain(error) from error
        if not self._graph.connects(present):
            raise ConsistencyError("the survivors fall apart into groups")
        self._door.open(following, present)
        self._survivors = SurvivorSet(self.session_id, tuple(sorted(present)))
        return dict.fromkeys(self._survivors.survivors, self._survivors.to_bytes())

    def publish_agreements(self) -> dict[ClientId, bytes]:
        """Close the consistency check; return an `AgreementList` for each client that agreed.

        It holds as many signatures as the client needs besides its own, and no more.
        """
        present = self._advance(Stage.CONSISTENCY, Stage.UNMASKING)
        needed = self._parameters.threshold - 1
        return {
            client: AgreementList(
                self.session_id,
                tuple(
                    (peer, self._agreements[peer]) for peer in self._peers(client, present)[:needed]
                ),
            ).to_bytes()
            for client in sorted(present)
        }

    def unmask(self) -> Unmasked:
        """Close the session: reconstruct what the answers allow and return the sum.

        Raises:
            ThresholdError: if too few clients answered.
            ShareError: if too few true shares are left, naming a client that gave back a false
                one; or if a client dealt shares that fit no secret, naming it.
        """
        self._door.close(Stage.UNMASKING)
        survivors = self._survivors_known().survivors
        cohort = self.invitation.cohort
        points = {client: holder_point(cohort, client) for client in self._answers}
        recovery = SecretRecovery(self._parameters.threshold, points, dealers_commit=True)
        shares, false_holders = sort_shares(self._answers, self._dealt, self._parameters.threshold)
        self.findings += [
            (SERVER, ShareError("it gave back a false share", holder)) for holder in false_holders
        ]
        try:
            self._remove_masks(recovery, shares, survivors)
        except ThresholdError as error:
            raise explain_missing(error, false_holders) from error
        finally:
            self.findings += [(SERVER, finding) for finding in recovery.findings]
        return Unmasked(self._total.to_array(), survivors, false_holders)

    def _remove_masks(
        self,
        recovery: SecretRecovery,
        shares: Mapping[ClientId, Mapping[ClientId, Share]],
        survivors: tuple[ClientId, ...],
    ) -> None:
        for client in survivors:
            seed = recovery.self_mask_seed(self._keys[client].keys, shares.get(client, {}))
            self._total.subtract_mask(seed)
        for client in sorted(self._sharers.difference(survivors)):
            peers = self._peers(client, frozenset(survivors))
            if not peers:  # no survivor used a mask with it
                continue
            keys = recovery.mask_keys(
                client, self._keys[client].keys.mask_key, shares.get(client, {})
            )
            peer_keys = {peer: self._keys[peer].keys.mask_key for peer in peers}
            add_pairwise_masks(self._total, client, keys, peer_keys, self.session_id)

    def _accept(self, message: ClientMessage, signature: bytes) -> None:
        match message:
            case AdvertisedKeys():
                self._accept_keys(message, signature)
            case EncryptedShares():
                self._accept_shares(message)
            case MaskedVector():
                self._total.add_packed(message.packed)
            case ShareComplaint():
                self._complaints.take(message, self._peers(message.sender, self._sharers))
            case Agreement():
                if message.digest != self._survivors_known().digest():
                    raise ConsistencyError("agreement to another set of survivors")
                self._agreements[message.sender] = signature
            case UnmaskingAnswer():
                self._accept_answer(message)

    def _accept_keys(self, message: AdvertisedKeys, signature: bytes) -> None:
        """Refuse keys that would make the neighbours give up, before they see them."""
        check_new_keys(self._public_keys, message.mask_key, message.share_key)
        for public in (message.mask_key, message.share_key):
            check_public_key(public)
        self._public_keys |= {message.mask_key, message.share_key}
        self._keys[message.sender] = DirectoryEntry(message, signature)

    def _accept_shares(self, message: EncryptedShares) -> None:
        receivers = tuple(peer for peer, _ in message.ciphertexts)
        if receivers != self._peers(message.sender, frozenset(self._keys)):
            raise WrongContentError("shares for others than the neighbours that are there")
        self._dealt[message.sender] = {
            peer: DealtPair.from_bytes(data) for peer, data in message.ciphertexts
        }

    def _check_holders(self, present: frozenset[ClientId]) -> None:
        for owner in self._sharers:
            holders = self._holders(owner, present)
            if holders and len(holders) < self._parameters.threshold:
                raise ThresholdError(
                    f"holders of client {owner}", len(holders), self._parameters.threshold
                )

    def _accept_answer(self, message: UnmaskingAnswer) -> None:
        owners = tuple(sorted(self._holders(message.sender, self._sharers)))
        if tuple(owner for owner, _ in message.shares) != owners:
            raise WrongContentError("shares of others than the neighbours that shared keys")
        survivors = self._survivors_known().survivors
        for owner, revealed in message.shares:
            expected = SelfMaskShare if owner in survivors else KeyShare
            if not isinstance(revealed, expected):
                raise ConsistencyError(f"the wrong kind of share of client {owner}")
        self._answers[message.sender] = message

    def _peers(self, client: ClientId, present: frozenset[ClientId]) -> tuple[ClientId, ...]:
        return tuple(peer for peer in self._neighbours[client] if peer in present)

    def _holders(self, owner: ClientId, present: frozenset[ClientId]) -> frozenset[ClientId]:
        """Return those of a client's holders, itself included, that are still there."""
        return present.intersection((*self._neighbours[owner], owner))

    def _survivors_known(self) -> SurvivorSet:
        if self._survivors is None:
            raise WrongTimeError("the upload is not closed yet")
        return self._survivors
