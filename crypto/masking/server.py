"""The server of double masking.

It relays keys and shares, adds up the masked vectors as they arrive, and removes from their sum
the masks that did not cancel. Each stage takes one message from every client still there
(`receive`) and is closed by the method that makes the next messages; what comes after the closing
is late and refused. A client that sends nothing, or nothing acceptable, has dropped out.
"""

from collections.abc import Mapping

from crypto.errors import (
    ConsistencyError,
    DecodingError,
    ForeignMessageError,
    MalformedMessageError,
    ReplayError,
    ThresholdError,
    WrongContentError,
    WrongTimeError,
    blaming,
)
from crypto.key_agreement import check_public_key
from crypto.masking.graph import NeighbourGraph
from crypto.masking.keys import adds_pairwise_mask, pairwise_seed
from crypto.masking.messages import (
    AdvertisedKeys,
    DeliveredShares,
    DirectoryEntry,
    EncryptedShares,
    Invitation,
    KeyDirectory,
    MaskedVector,
)
from crypto.masking.parameters import MaskingParameters
from crypto.masking.stages import CLIENT_MESSAGES, Stage, stage_of
from crypto.masking.unmasking import SecretRecovery, Unmasked
from crypto.masking.unmasking_messages import (
    Agreement,
    AgreementList,
    KeyShare,
    SelfMaskShare,
    SurvivorSet,
    UnmaskingAnswer,
)
from crypto.parties import ClientId
from crypto.randomness import SYSTEM, Randomness
from crypto.residues import ResidueSum
from crypto.sealing import SIGNED_MESSAGE, unseal
from crypto.session_messages import NONCE_BYTES, ClientMessage
from crypto.shamir import Share, holder_point
from crypto.signatures import VerifyKey


class MaskingServer:
    """The server's part in one session.

    Args:
        cohort: the clients asked, in increasing order.
        parameters: the session's public parameters.
        round_id: the training round.
        registry: the verify keys of the clients; needed in signed sessions.
        randomness: where the session's nonce comes from.

    Raises:
        ParameterError: for a cohort out of order or parameters that do not fit it.
    """

    def __init__(
        self,
        cohort: tuple[ClientId, ...],
        parameters: MaskingParameters,
        round_id: int,
        registry: Mapping[ClientId, VerifyKey] | None = None,
        randomness: Randomness = SYSTEM,
    ) -> None:
        self._invitation = Invitation(randomness.bytes(NONCE_BYTES), round_id, cohort, parameters)
        self.session_id = self._invitation.session_id()
        self._parameters = parameters
        self._registry = registry or {}
        graph = NeighbourGraph(cohort, parameters.degree, self.session_id)
        self._graph = graph
        self._neighbours = {client: graph.neighbours(client) for client in cohort}
        self._stage: Stage | None = None
        self._awaited: frozenset[ClientId] = frozenset()
        self._answered: set[ClientId] = set()
        self._keys: dict[ClientId, DirectoryEntry] = {}
        self._public_keys: set[bytes] = set()
        self._dealt: dict[ClientId, dict[ClientId, bytes]] = {}
        self._sharers: frozenset[ClientId] = frozenset()
        self._total = ResidueSum(parameters.length, parameters.modulus_bits)
        self._survivors: SurvivorSet | None = None
        self._agreements: dict[ClientId, bytes] = {}
        self._answers: dict[ClientId, UnmaskingAnswer] = {}

    def invite(self) -> dict[ClientId, bytes]:
        """Open the session; return an `Invitation` for each client of the cohort."""
        self._open(None, Stage.ADVERTISE_KEYS, frozenset(self._invitation.cohort))
        return dict.fromkeys(self._invitation.cohort, self._invitation.to_bytes())

    def receive(self, sender: ClientId, data: bytes) -> None:
        """Take a client's message for the present stage.

        Args:
            sender: the client, as the transport knows it.
            data: the encoded message.

        Raises:
            MalformedMessageError: if `data` is no message of a client.
            WrongTimeError: if it belongs to another stage, a late upload for one.
            ForeignMessageError: if it is of another session or client than it should be.
            ReplayError: if this client has already sent this stage's message.
            SignatureError: in signed sessions, if the client did not sign it.
            WrongContentError: if it says something else than this session asks for.

        Guarantees: a refused message changes nothing; every error names `sender`.
        """
        with blaming(sender):
            stage = stage_of(data)
            if stage is not self._stage:
                raise WrongTimeError(f"a message of stage {stage!s} in stage {self._stage!s}")
            message, body, signature = unseal(CLIENT_MESSAGES[stage], data, self._parameters.signed)
            if message.session_id != self.session_id or message.sender != sender:
                raise ForeignMessageError("a message of another session or client")
            if sender in self._answered:
                raise ReplayError("a second message in one stage")
            if sender not in self._awaited:
                raise ForeignMessageError("a message of a client that has dropped out")
            if self._parameters.signed:
                if sender not in self._registry:
                    raise ForeignMessageError("a client without known identity")
                self._registry[sender].verify(SIGNED_MESSAGE, body, signature)
            self._accept(message, signature)
            self._answered.add(sender)

    def publish_keys(self) -> dict[ClientId, bytes]:
        """Close stage one; return a `KeyDirectory` for each client that advertised keys."""
        present = self._open(Stage.ADVERTISE_KEYS, Stage.SHARE_KEYS)
        return {
            client: KeyDirectory(
                self.session_id, tuple(self._keys[peer] for peer in self._peers(client, present))
            ).to_bytes()
            for client in sorted(present)
        }

    def deliver_shares(self) -> dict[ClientId, bytes]:
        """Close stage two; return a `DeliveredShares` for each client that dealt shares."""
        present = self._sharers = self._open(Stage.SHARE_KEYS, Stage.MASKED_INPUT)
        messages = {}
        for client in sorted(present):
            ciphertexts = tuple(
                (peer, self._dealt[peer][client]) for peer in self._peers(client, present)
            )
            messages[client] = DeliveredShares(self.session_id, ciphertexts).to_bytes()
        self._dealt.clear()
        return messages

    def announce_survivors(self) -> dict[ClientId, bytes]:
        """Close the upload; return a `SurvivorSet` for each survivor.

        Raises:
            ThresholdError: if the sum could not be unmasked with all survivors' help, before
                anything is asked of them.
            ConsistencyError: if the survivors fall apart into groups that mask among themselves.
        """
        following = Stage.CONSISTENCY if self._parameters.signed else Stage.UNMASKING
        present = self._open(Stage.MASKED_INPUT, following)
        for owner in self._sharers:
            holders = self._holders(owner, present)
            if holders and len(holders) < self._parameters.threshold:
                self._stage = None
                raise ThresholdError(
                    f"holders of client {owner}", len(holders), self._parameters.threshold
                )
        if not self._graph.connects(present):
            self._stage = None
            raise ConsistencyError("the survivors fall apart into groups")
        self._survivors = SurvivorSet(self.session_id, tuple(sorted(present)))
        return dict.fromkeys(self._survivors.survivors, self._survivors.to_bytes())

    def publish_agreements(self) -> dict[ClientId, bytes]:
        """Close the consistency check; return an `AgreementList` for each client that agreed.

        It holds as many signatures as the client needs besides its own, and no more.
        """
        present = self._open(Stage.CONSISTENCY, Stage.UNMASKING)
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
            ShareError: if shares were false beyond repair.
        """
        self._open(Stage.UNMASKING, None)
        survivors = self._survivors_known().survivors
        cohort = self._invitation.cohort
        points = {client: holder_point(cohort, client) for client in self._answers}
        recovery = SecretRecovery(self._parameters.threshold, points)
        shares = self._shares_by_owner()
        for client in survivors:
            seed = recovery.self_mask_seed(self._keys[client].keys, shares.get(client, {}))
            self._total.subtract_mask(seed)
        for client in sorted(self._sharers.difference(survivors)):
            peers = self._peers(client, frozenset(survivors))
            if not peers:  # no survivor used a mask with it
                continue
            keys = recovery.mask_keys(self._keys[client].keys, shares.get(client, {}))
            for peer in peers:
                peer_key = self._keys[peer].keys.mask_key
                seed = pairwise_seed(client, keys, peer, peer_key, self.session_id)
                if adds_pairwise_mask(peer, client):
                    self._total.subtract_mask(seed)
                else:
                    self._total.add_mask(seed)
        return Unmasked(self._total.to_array(), survivors, tuple(sorted(recovery.false_holders)))

    def _open(
        self,
        present: Stage | None,
        following: Stage | None,
        awaited: frozenset[ClientId] | None = None,
    ) -> frozenset[ClientId]:
        """Close a stage, open the next, and return the clients that are still there."""
        if self._stage is not present:
            raise WrongTimeError(f"stage {present!s} cannot be closed in stage {self._stage!s}")
        arrived = frozenset(self._answered)
        if present is not None and len(arrived) < self._parameters.min_survivors:
            self._stage = None
            raise ThresholdError(
                f"clients after stage {present!s}", len(arrived), self._parameters.min_survivors
            )
        self._stage = following
        self._awaited = arrived if awaited is None else awaited
        self._answered = set()
        return self._awaited

    def _accept(self, message: ClientMessage, signature: bytes) -> None:
        match message:
            case AdvertisedKeys():
                self._accept_keys(message, signature)
            case EncryptedShares():
                self._accept_shares(message)
            case MaskedVector():
                try:
                    self._total.add_packed(message.packed)
                except DecodingError as error:
                    raise MalformedMessageError(str(error)) from error
            case Agreement():
                if message.digest != self._survivors_known().digest():
                    raise ConsistencyError("agreement to another set of survivors")
                self._agreements[message.sender] = signature
            case UnmaskingAnswer():
                self._accept_answer(message)

    def _accept_keys(self, message: AdvertisedKeys, signature: bytes) -> None:
        """Refuse keys that would make the neighbours give up, before they see them."""
        new = {message.mask_key, message.share_key}
        if len(new) < 2 or new & self._public_keys:
            raise ConsistencyError("one key under two names")
        for public in new:
            check_public_key(public)
        self._public_keys |= new
        self._keys[message.sender] = DirectoryEntry(message, signature)

    def _accept_shares(self, message: EncryptedShares) -> None:
        receivers = tuple(peer for peer, _ in message.ciphertexts)
        if receivers != self._peers(message.sender, self._awaited):
            raise WrongContentError("shares for others than the neighbours that are there")
        self._dealt[message.sender] = dict(message.ciphertexts)

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

    def _shares_by_owner(self) -> dict[ClientId, dict[ClientId, Share]]:
        shares: dict[ClientId, dict[ClientId, Share]] = {}
        for holder, answer in self._answers.items():
            for owner, revealed in answer.shares:
                shares.setdefault(owner, {})[holder] = revealed.share
        return shares

    def _peers(self, client: ClientId, present: frozenset[ClientId]) -> tuple[ClientId, ...]:
        return tuple(peer for peer in self._neighbours[client] if peer in present)

    def _holders(self, owner: ClientId, present: frozenset[ClientId]) -> frozenset[ClientId]:
        """Return those of a client's holders, itself included, that are still there."""
        return present.intersection((*self._neighbours[owner], owner))

    def _survivors_known(self) -> SurvivorSet:
        if self._survivors is None:
            raise WrongTimeError("the upload is not closed yet")
        return self._survivors
