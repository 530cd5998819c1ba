"""One client in one session of double masking: five steps, each taken once, in their order."""

from collections.abc import Iterable, Mapping

from crypto.encoding.residues import IntegerVector, ResidueSum, check_vector
from crypto.errors import (
    AuthenticationError,
    DecodingError,
    WrongTimeError,
)
from crypto.parties import SERVER, ClientId
from crypto.primitives.key_agreement import AgreementKeyPair
from crypto.primitives.prg import SEED_BYTES
from crypto.primitives.shamir import holder_point, split_secret
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.protocols.masking.client_checks import ClientChecks
from crypto.protocols.masking.client_states import (
    Advertised,
    Confirmed,
    Shared,
    State,
    Uploaded,
)
from crypto.protocols.masking.graph import NeighbourGraph
from crypto.protocols.masking.keys import commit_to_seed
from crypto.protocols.masking.messages import (
    AdvertisedKeys,
    DealtPair,
    DeliveredShares,
    EncryptedShares,
    Invitation,
    KeyDirectory,
    MaskedVector,
    ShareComplaint,
    SharePair,
)
from crypto.protocols.masking.pairwise import add_pairwise_masks
from crypto.protocols.masking.peers import ShareChannels, commit_to_pair
from crypto.protocols.masking.stages import Stage
from crypto.protocols.masking.unmasking_messages import (
    Agreement,
    AgreementList,
    KeyShare,
    RevealedShare,
    SelfMaskShare,
    SurvivorSet,
    UnmaskingAnswer,
)
from crypto.randomness import Randomness
from crypto.session.client_session import ClientSession
from crypto.session.opened_rounds import Opening


class MaskingClientSession(ClientSession[State]):
    """One client in one session; made by `MaskingClient.join`.

    Attributes:
        parameters: what the server announced.
        agreed: the survivors that the clients agreed on and for whose sum this one gave its
            shares; None before, and in sessions without signatures.
    """

    def __init__(
        self,
        client_id: ClientId,
        invitation: Invitation,
        graph: NeighbourGraph,
        opening: Opening,
        *,
        identity: SigningIdentity | None,
        registry: Mapping[ClientId, VerifyKey],
        randomness: Randomness,
    ) -> None:
        keys = AgreementKeyPair.generate(randomness), AgreementKeyPair.generate(randomness)
        state = Advertised(*keys, randomness.bytes(SEED_BYTES))
        num_clients = len(invitation.cohort)
        super().__init__(client_id, invitation.session_id(), state, num_clients, identity)
        self.parameters = invitation.parameters
        self._cohort = invitation.cohort
        self._opening = opening
        self._checks = ClientChecks(client_id, invitation, graph, registry)
        self._randomness = randomness
        self.agreed: tuple[ClientId, ...] | None = None

    def first_answer(self) -> bytes:
        """Return the `AdvertisedKeys` of this session; called by `MaskingClient.join`."""
        state = self._at(Advertised)
        commitment = commit_to_seed(self.session_id, self.client_id, state.seed)
        keys = state.mask_keys.public, state.share_keys.public
        return self._answer(AdvertisedKeys, *keys, commitment)

    def share_keys(self, data: bytes) -> bytes:
        """Share keys: deal both secrets to the neighbours that advertised keys.

        Args:
            data: a `KeyDirectory`.

        Returns:
            An `EncryptedShares`.

        Raises:
            SignatureError: naming a client whose keys are not signed by it.
            WrongContentError: for keys of a stranger, or the same key under two names.
            ThresholdError: if too few neighbours are there.
            WrongTimeError, MalformedMessageError, ForeignMessageError: as all steps.
        """
        state, directory = self._take(Advertised, KeyDirectory, data)
        own = state.mask_keys.public, state.share_keys.public
        self._checks.check_directory(directory, own)
        others = {
            entry.keys.sender: (entry.keys.mask_key, entry.keys.share_key)
            for entry in directory.entries
        }
        channels = ShareChannels.meet(self.client_id, self.session_id, state.share_keys, others)
        self._checks.require(len(others) + 1, "neighbours that advertised keys")
        holders = sorted([*others, self.client_id])
        points = [holder_point(self._cohort, holder) for holder in holders]
        threshold = self.parameters.threshold
        pairs = zip(
            split_secret(state.seed, threshold, points, self._randomness),
            split_secret(state.mask_keys.private, threshold, points, self._randomness),
            strict=True,
        )
        dealt = {holder: SharePair(*pair) for holder, pair in zip(holders, pairs, strict=True)}
        sealed = channels.encrypt({holder: pair.to_bytes() for holder, pair in dealt.items()})
        entries = tuple(
            (holder, DealtPair(ciphertext, *self._commit(self.client_id, holder, dealt[holder])))
            for holder, ciphertext in sealed
        )
        self._state = Shared(state.mask_keys, state.seed, channels, dealt[self.client_id])
        encoded = tuple((holder, pair.to_bytes()) for holder, pair in entries)
        return self._answer(EncryptedShares, encoded)

    def masked_input(self, data: bytes, vector: IntegerVector) -> bytes:
        """Masked input: keep the shares received and upload the vector under all masks.

        Args:
            data: a `DeliveredShares`.
            vector: shape (m,), integers of 32 or 64 bits, values -2^(k-1) to 2^k - 1.

        Returns:
            A `MaskedVector`, uniform over Z_{2^k}^m to all who lack one of its masks; or, if some
            dealers' shares are false, a `ShareComplaint` about them, with which the part ends.

        Raises:
            ParameterError: for a vector that does not fit; the step can be repeated.
            OpenedRoundError: if this client has unmasked in another session of the same round.
            ThresholdError: if too few neighbours shared their keys.
            WrongTimeError, MalformedMessageError, ForeignMessageError: as all steps.
        """
        check_vector(vector, self.parameters.length, self.parameters.modulus_bits)
        self._opening.check()
        state, delivered = self._take(Shared, DeliveredShares, data)
        opened = {
            sender: self._open(sender, dealt, state) for sender, dealt in delivered.ciphertexts
        }
        held = {sender: pair for sender, pair in opened.items() if pair is not None}
        if len(held) < len(opened):
            accused = tuple(sorted(opened.keys() - held.keys()))
            return self._answer(ShareComplaint, accused)
        held[self.client_id] = state.own_pair
        self._checks.require(len(held), "neighbours that shared keys")
        masked_with = [peer for peer in held if peer != self.client_id]
        masked = self._mask(vector, state, masked_with)
        self._state = Uploaded(held)
        return self._answer(MaskedVector, masked)

    def confirm_survivors(self, data: bytes) -> bytes:
        """Consistency check: sign the set of survivors, once. Signed sessions only.

        Args:
            data: a `SurvivorSet`.

        Returns:
            An `Agreement`, which the server passes on to the neighbours.

        Raises:
            ConsistencyError: if the set cannot be true, or would reveal more than it should.
            ThresholdError: if it is too small.
            WrongTimeError, MalformedMessageError, ForeignMessageError: as all steps.
        """
        if not self.parameters.signed:
            raise WrongTimeError("sessions without signatures have no consistency check", SERVER)
        state, survivors = self._take(Uploaded, SurvivorSet, data)
        self._checks.check_survivors(survivors, state.held)
        self._state = Confirmed(state.held, survivors)
        return self._answer(Agreement, survivors.digest())

    def unmask(self, data: bytes) -> bytes:
        """Unmasking: reveal, for each neighbour and oneself, one share of one of its two secrets.

        Args:
            data: an `AgreementList`; in sessions without signatures the `SurvivorSet` itself.

        Returns:
            An `UnmaskingAnswer`: self-mask shares of survivors, key shares of dropped clients.

        Raises:
            SignatureError: naming the server, if it passed on a signature that does not verify.
            ConsistencyError: if the set cannot be true (sessions without signatures).
            ThresholdError: if fewer holders than the threshold signed the same set.
            OpenedRoundError: if this client has unmasked in another session of the same round.
            WrongTimeError, MalformedMessageError, ForeignMessageError: as all steps.
        """
        if self.parameters.signed:
            confirmed, agreements = self._take(Confirmed, AgreementList, data)
            held, survivors = confirmed.held, confirmed.survivors
            self._checks.check_agreements(agreements, survivors)
        else:
            uploaded, survivors = self._take(Uploaded, SurvivorSet, data)
            held = uploaded.held
            self._checks.check_survivors(survivors, held)
        self._opening.take()
        self.agreed = survivors.survivors if self.parameters.signed else None
        alive = frozenset(survivors.survivors)
        shares = tuple((peer, _reveal(held[peer], peer in alive)) for peer in sorted(held))
        return self._answer(UnmaskingAnswer, shares)

    def step(self, stage: str, data: bytes, given: IntegerVector) -> bytes:
        """Take the step of a stage after the first: one of the methods above."""
        if stage == Stage.MASKED_INPUT:
            return self.masked_input(data, given)
        steps = {
            Stage.SHARE_KEYS: self.share_keys,
            Stage.CONSISTENCY: self.confirm_survivors,
            Stage.UNMASKING: self.unmask,
        }
        return steps[Stage(stage)](data)

    def _mask(self, vector: IntegerVector, state: Shared, peers: Iterable[ClientId]) -> bytes:
        """Pack the vector under this client's own mask and those shared with its peers."""
        total = ResidueSum(self.parameters.length, self.parameters.modulus_bits)
        total.add_vector(vector)
        total.add_mask(state.seed)
        keys = {peer: state.channels.peers[peer].mask_key for peer in peers}
        add_pairwise_masks(total, self.client_id, state.mask_keys, keys, self.session_id)
        return total.to_packed()

    def _open(self, sender: ClientId, data: bytes, state: Shared) -> SharePair | None:
        """Return a pair that a peer dealt; None if it is not what the peer committed to."""
        dealt = DealtPair.from_bytes(data)
        try:
            pair = SharePair.from_bytes(state.channels.decrypt(sender, dealt.ciphertext))
        except (AuthenticationError, DecodingError):
            return None
        committed = self._commit(sender, self.client_id, pair)
        return pair if committed == (dealt.self_mask, dealt.key) else None

    def _commit(self, dealer: ClientId, holder: ClientId, pair: SharePair) -> tuple[bytes, bytes]:
        return commit_to_pair(self.session_id, dealer, holder, pair)


def _reveal(pair: SharePair, survived: bool) -> RevealedShare:
    return SelfMaskShare(pair.self_mask) if survived else KeyShare(pair.key)
