"""One client in one session of pairwise masking: four steps, each taken once, in their order."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from crypto.encoding.residues import IntegerVector, ResidueSum, check_vector
from crypto.errors import (
    ConsistencyError,
    DecodingError,
    ForeignMessageError,
    ShareError,
    ThresholdError,
    blaming,
)
from crypto.parties import SERVER, ClientId
from crypto.primitives.key_agreement import AgreementKeyPair
from crypto.primitives.shamir import Share, holder_point, split_secret
from crypto.protocols.masking.messages import MaskedVector
from crypto.protocols.masking.pairwise import add_pairwise_masks
from crypto.protocols.masking.peers import ShareChannels, check_new_keys
from crypto.protocols.pairwise_masking.messages import (
    DeliveredKeyShares,
    DroppedClients,
    EncryptedKeyShares,
    KeyList,
    KeyShares,
    PairwiseInvitation,
    PublicKeys,
)
from crypto.protocols.pairwise_masking.stages import Stage
from crypto.randomness import SYSTEM, Randomness
from crypto.session.client_session import ClientSession
from crypto.session.opened_rounds import Opening


@dataclass(frozen=True)
class Keyed:
    """Both key pairs are there."""

    mask_keys: AgreementKeyPair
    share_keys: AgreementKeyPair


@dataclass(frozen=True)
class Shared:
    """The mask key is dealt."""

    mask_keys: AgreementKeyPair
    channels: ShareChannels


@dataclass(frozen=True)
class Uploaded:
    """The vector is masked and gone; only shares are left."""

    held: Mapping[ClientId, Share]


State: TypeAlias = Keyed | Shared | Uploaded


class PairwiseClientSession(ClientSession[State]):
    """One client in one session; made by `PairwiseClient.join`.

    Attributes:
        parameters: what the server announced.
        agreed: None: the clients do not agree on the survivors.
    """

    def __init__(
        self,
        client_id: ClientId,
        invitation: PairwiseInvitation,
        keys: Keyed,
        opening: Opening,
        randomness: Randomness = SYSTEM,
    ) -> None:
        super().__init__(client_id, invitation.session_id(), keys, len(invitation.cohort))
        self.parameters = invitation.parameters
        self.agreed: tuple[ClientId, ...] | None = None
        self._cohort = invitation.cohort
        self._opening = opening
        self._randomness = randomness

    def first_answer(self) -> bytes:
        """Return the `PublicKeys` of this session; called by `PairwiseClient.join`."""
        state = self._at(Keyed)
        return self._answer(PublicKeys, state.mask_keys.public, state.share_keys.public)

    def share_keys(self, data: bytes) -> bytes:
        """Share keys: deal the mask key to the clients that advertised keys.

        Args:
            data: a `KeyList`.

        Returns:
            An `EncryptedKeyShares`.

        Raises:
            ConsistencyError: naming a client whose key stands under two names.
            ThresholdError: if too few clients are there.
            WrongTimeError, MalformedMessageError, ForeignMessageError: as all steps.

        Source: section 4.3.2 of the paper, ct_(i,j) = Enc_(c_(i,j))(s_(i,j)).
        """
        state, keys = self._take(Keyed, KeyList, data)
        self._check_keys(keys, state)
        others = {entry.sender: (entry.mask_key, entry.share_key) for entry in keys.entries}
        channels = ShareChannels.meet(self.client_id, self.session_id, state.share_keys, others)
        self._require(len(others) + 1, "clients that advertised keys")
        # One share more than is sent, at the client's own point, which nobody keeps.
        holders = sorted([*others, self.client_id])
        points = [holder_point(self._cohort, holder) for holder in holders]
        shares = split_secret(
            state.mask_keys.private, self.parameters.threshold, points, self._randomness
        )
        ciphertexts = channels.encrypt(
            {holder: share.to_bytes() for holder, share in zip(holders, shares, strict=True)}
        )
        self._state = Shared(state.mask_keys, channels)
        return self._answer(EncryptedKeyShares, ciphertexts)

    def masked_input(self, data: bytes, vector: IntegerVector) -> bytes:
        """Masked input: keep the shares received and upload the vector under all masks.

        Args:
            data: a `DeliveredKeyShares`; its senders and this client are the set P2.
            vector: shape (m,), integers of 32 or 64 bits, values -2^(k-1) to 2^k - 1.

        Returns:
            A `MaskedVector`, uniform over Z_{2^k}^m to all who lack one of its masks.

        Raises:
            ParameterError: for a vector that does not fit; the step can be repeated.
            OpenedRoundError: if this client has uploaded in another session of the same round:
                uploads add up to the sum unless a client drops out, and late ones may come.
            AuthenticationError, ShareError: naming the dealer of a false share.
            ThresholdError: if too few clients shared their keys.
            WrongTimeError, MalformedMessageError, ForeignMessageError: as all steps.

        Source: equation (16) of the paper, each mask expanded to all coordinates (6.1.1 (4)).
        """
        check_vector(vector, self.parameters.length, self.parameters.modulus_bits)
        self._opening.check()
        state, delivered = self._take(Shared, DeliveredKeyShares, data)
        held = {
            sender: self._open(sender, sealed, state) for sender, sealed in delivered.ciphertexts
        }
        self._require(len(held) + 1, "clients that shared keys")
        self._opening.take()
        masked = self._mask(vector, state, held)
        self._state = Uploaded(held)
        return self._answer(MaskedVector, masked)

    def recover(self, data: bytes) -> bytes:
        """Recovery: give the server the shares of the clients that it says have dropped out.

        Args:
            data: a `DroppedClients`.

        Returns:
            A `KeyShares`.

        Raises:
            ConsistencyError: if the set cannot be true.
            ThresholdError: if too few clients would be left in the sum.
            WrongTimeError, MalformedMessageError, ForeignMessageError: as all steps.

        Guarantees: none against a server that lies. It learns the keys of those that it names; if
        it has, or will have, their uploads, it can unmask them.

        Source: section 4.3.3 of the paper.
        """
        state, message = self._take(Uploaded, DroppedClients, data)
        dropped = frozenset(message.dropped)
        if self.client_id in dropped:
            raise ConsistencyError("this client uploaded and is said to have dropped out", SERVER)
        if not dropped <= state.held.keys():
            raise ConsistencyError("dropped clients that never shared their keys", SERVER)
        left = len(state.held) + 1 - len(dropped)
        if left < self.parameters.min_survivors:
            raise ThresholdError("survivors", left, self.parameters.min_survivors)
        shares = tuple((owner, state.held[owner]) for owner in message.dropped)
        return self._answer(KeyShares, shares)

    def step(self, stage: str, data: bytes, given: IntegerVector) -> bytes:
        """Take the step of a stage after the first: one of the methods above."""
        if stage == Stage.MASKED_INPUT:
            return self.masked_input(data, given)
        steps = {Stage.SHARE_KEYS: self.share_keys, Stage.RECOVERY: self.recover}
        return steps[Stage(stage)](data)

    def _check_keys(self, keys: KeyList, state: Keyed) -> None:
        known = {state.mask_keys.public, state.share_keys.public}
        for entry in keys.entries:
            if entry.sender == self.client_id or entry.sender not in self._cohort:
                raise ForeignMessageError(f"keys of {entry.sender}, no other client", SERVER)
            with blaming(entry.sender):
                check_new_keys(known, entry.mask_key, entry.share_key)
            known |= {entry.mask_key, entry.share_key}

    def _mask(self, vector: IntegerVector, state: Shared, peers: Iterable[ClientId]) -> bytes:
        """Pack the vector under the masks that this client shares with its peers."""
        total = ResidueSum(self.parameters.length, self.parameters.modulus_bits)
        total.add_vector(vector)
        keys = {peer: state.channels.peers[peer].mask_key for peer in peers}
        add_pairwise_masks(total, self.client_id, state.mask_keys, keys, self.session_id)
        return total.to_packed()

    def _open(self, sender: ClientId, ciphertext: bytes, state: Shared) -> Share:
        plaintext = state.channels.decrypt(sender, ciphertext)
        try:
            return Share.from_bytes(plaintext)
        except DecodingError as error:
            raise ShareError(str(error), sender) from error

    def _require(self, found: int, what: str) -> None:
        if found < self.parameters.threshold:
            raise ThresholdError(what, found, self.parameters.threshold)
