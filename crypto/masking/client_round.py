"""One client in one session of double masking: five steps, each taken once, in their order."""

from collections.abc import Mapping
from typing import TypeVar

from crypto.aead import decrypt_once, encrypt_once
from crypto.errors import (
    ConsistencyError,
    DecodingError,
    ForeignMessageError,
    ShareError,
    SignatureError,
    ThresholdError,
    WrongContentError,
    WrongTimeError,
    blaming,
)
from crypto.key_agreement import AgreementKeyPair
from crypto.masking.client_states import (
    Advertised,
    Confirmed,
    Over,
    Peer,
    Shared,
    State,
    Uploaded,
)
from crypto.masking.graph import NeighbourGraph
from crypto.masking.keys import (
    ShareChannelKeys,
    adds_pairwise_mask,
    commit_to_seed,
    pairwise_seed,
    share_binding,
)
from crypto.masking.messages import (
    AdvertisedKeys,
    DeliveredShares,
    EncryptedShares,
    Invitation,
    KeyDirectory,
    MaskedVector,
    SharePair,
)
from crypto.masking.unmasking_messages import (
    Agreement,
    AgreementList,
    KeyShare,
    RevealedShare,
    SelfMaskShare,
    SurvivorSet,
    UnmaskingAnswer,
)
from crypto.parties import SERVER, ClientId
from crypto.prg import SEED_BYTES
from crypto.randomness import Randomness
from crypto.residues import ResidueSum, check_vector
from crypto.sealing import SIGNED_MESSAGE, seal
from crypto.secure_sum import IntegerVector
from crypto.session_messages import SessionMessage
from crypto.shamir import holder_point, split_secret
from crypto.signatures import SigningIdentity, VerifyKey

_S = TypeVar("_S", bound=State)
_M = TypeVar("_M", bound=SessionMessage)


class ClientRound:
    """One client in one session; made by `MaskingClient.join`.

    A step takes the state that the step before left, and leaves the next. A message at the wrong
    time, of another session or malformed is refused and changes nothing. Once a message's content
    was found wrong the round is over for this client, and its secrets are gone.
    """

    def __init__(
        self,
        client_id: ClientId,
        invitation: Invitation,
        graph: NeighbourGraph,
        *,
        identity: SigningIdentity | None,
        registry: Mapping[ClientId, VerifyKey],
        randomness: Randomness,
    ) -> None:
        self.client_id = client_id
        self.session_id = invitation.session_id()
        self._parameters = invitation.parameters
        self._cohort = invitation.cohort
        self._graph = graph
        self._neighbours = frozenset(graph.neighbours(client_id))
        self._identity = identity
        self._registry = registry
        self._randomness = randomness
        self._state: State = Advertised(
            AgreementKeyPair.generate(randomness),
            AgreementKeyPair.generate(randomness),
            randomness.bytes(SEED_BYTES),
        )

    def advertise_keys(self) -> bytes:
        """Return the `AdvertisedKeys` of this session; called by `MaskingClient.join`."""
        state = self._at(Advertised)
        commitment = commit_to_seed(self.session_id, self.client_id, state.seed)
        keys = AdvertisedKeys(
            self.session_id,
            self.client_id,
            state.mask_keys.public,
            state.share_keys.public,
            commitment,
        )
        return seal(keys, self._identity)

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
        self._check_directory(directory, state)
        peers = {
            entry.keys.sender: self._meet(entry.keys, state.share_keys)
            for entry in directory.entries
        }
        self._require(len(peers) + 1, "neighbours that advertised keys")
        holders = sorted([*peers, self.client_id])
        points = [holder_point(self._cohort, holder) for holder in holders]
        threshold = self._parameters.threshold
        pairs = zip(
            split_secret(state.seed, threshold, points, self._randomness),
            split_secret(state.mask_keys.private, threshold, points, self._randomness),
            strict=True,
        )
        dealt = {holder: SharePair(*pair) for holder, pair in zip(holders, pairs, strict=True)}
        ciphertexts = tuple(
            (
                holder,
                encrypt_once(
                    peers[holder].channel.sending,
                    dealt[holder].to_bytes(),
                    share_binding(self.session_id, self.client_id, holder),
                ),
            )
            for holder in holders
            if holder != self.client_id
        )
        self._state = Shared(state.mask_keys, state.seed, peers, dealt[self.client_id])
        return seal(EncryptedShares(self.session_id, self.client_id, ciphertexts), self._identity)

    def masked_input(self, data: bytes, vector: IntegerVector) -> bytes:
        """Masked input: keep the shares received and upload the vector under all masks.

        Args:
            data: a `DeliveredShares`.
            vector: shape (m,), uint64 or int64, values -2^(k-1) to 2^k - 1.

        Returns:
            A `MaskedVector`, uniform over Z_{2^k}^m to all who lack one of its masks.

        Raises:
            ParameterError: for a vector that does not fit; the step can be repeated.
            AuthenticationError, ShareError: naming the dealer of a false share.
            ThresholdError: if too few neighbours shared their keys.
            WrongTimeError, MalformedMessageError, ForeignMessageError: as all steps.
        """
        check_vector(vector, self._parameters.length, self._parameters.modulus_bits)
        state, delivered = self._take(Shared, DeliveredShares, data)
        held = {
            sender: self._open(sender, sealed, state) for sender, sealed in delivered.ciphertexts
        }
        held[self.client_id] = state.own_pair
        self._require(len(held), "neighbours that shared keys")
        total = ResidueSum(self._parameters.length, self._parameters.modulus_bits)
        total.add_vector(vector)
        total.add_mask(state.seed)
        for peer in held:
            if peer == self.client_id:
                continue
            with blaming(peer):
                seed = pairwise_seed(
                    self.client_id,
                    state.mask_keys,
                    peer,
                    state.peers[peer].mask_key,
                    self.session_id,
                )
            if adds_pairwise_mask(self.client_id, peer):
                total.add_mask(seed)
            else:
                total.subtract_mask(seed)
        self._state = Uploaded(held)
        return seal(
            MaskedVector(self.session_id, self.client_id, total.to_packed()), self._identity
        )

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
        if not self._parameters.signed:
            raise WrongTimeError("sessions without signatures have no consistency check", SERVER)
        state, survivors = self._take(Uploaded, SurvivorSet, data)
        self._check_survivors(survivors, state.held)
        self._state = Confirmed(state.held, survivors)
        agreement = Agreement(self.session_id, self.client_id, survivors.digest())
        return seal(agreement, self._identity)

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
            WrongTimeError, MalformedMessageError, ForeignMessageError: as all steps.
        """
        if self._parameters.signed:
            confirmed, agreements = self._take(Confirmed, AgreementList, data)
            held, survivors = confirmed.held, confirmed.survivors
            self._check_agreements(agreements, survivors)
        else:
            uploaded, survivors = self._take(Uploaded, SurvivorSet, data)
            held = uploaded.held
            self._check_survivors(survivors, held)
        alive = frozenset(survivors.survivors)
        shares = tuple((peer, _reveal(held[peer], peer in alive)) for peer in sorted(held))
        return seal(UnmaskingAnswer(self.session_id, self.client_id, shares), self._identity)

    def _at(self, state: type[_S]) -> _S:
        if not isinstance(self._state, state):
            raise WrongTimeError(f"client {self.client_id} is past this step, or not there yet")
        return self._state

    def _take(self, state: type[_S], kind: type[_M], data: bytes) -> tuple[_S, _M]:
        """Consume the state for a message: from here on, an error ends the round."""
        with blaming(SERVER):
            current = self._at(state)
            message = kind.from_bytes(data)
            if message.session_id != self.session_id:
                raise ForeignMessageError("a message of another session")
        self._state = Over()
        return current, message

    def _check_directory(self, directory: KeyDirectory, state: Advertised) -> None:
        seen = {state.mask_keys.public, state.share_keys.public}
        for entry in directory.entries:
            keys = entry.keys
            if keys.sender not in self._neighbours:
                raise ForeignMessageError(f"keys of {keys.sender}, no neighbour", SERVER)
            if self._parameters.signed:
                with blaming(keys.sender):
                    self._registry[keys.sender].verify(
                        SIGNED_MESSAGE, keys.to_bytes(), entry.signature
                    )
            elif entry.signature:
                raise SignatureError("a signature in a session without", SERVER)
            if keys.mask_key in seen or keys.share_key in seen or keys.mask_key == keys.share_key:
                raise ConsistencyError("one key under two names", keys.sender)
            seen |= {keys.mask_key, keys.share_key}

    def _meet(self, keys: AdvertisedKeys, own: AgreementKeyPair) -> Peer:
        with blaming(keys.sender):
            channel = ShareChannelKeys.agree(
                self.client_id, own, keys.sender, keys.share_key, self.session_id
            )
        return Peer(keys.mask_key, channel)

    def _open(self, sender: ClientId, ciphertext: bytes, state: Shared) -> SharePair:
        if sender not in state.peers:
            raise ForeignMessageError(f"shares of {sender}, who advertised no keys", SERVER)
        binding = share_binding(self.session_id, sender, self.client_id)
        with blaming(sender):
            plaintext = decrypt_once(state.peers[sender].channel.receiving, ciphertext, binding)
        try:
            return SharePair.from_bytes(plaintext)
        except DecodingError as error:
            raise ShareError(str(error), sender) from error

    def _check_survivors(self, survivors: SurvivorSet, held: Mapping[ClientId, SharePair]) -> None:
        alive = frozenset(survivors.survivors)
        if self.client_id not in alive:
            raise ConsistencyError("this client uploaded and is said to have dropped out", SERVER)
        if not alive <= frozenset(self._cohort):
            raise ConsistencyError("survivors that were never invited", SERVER)
        if not alive & self._neighbours <= held.keys():
            raise ConsistencyError("survivors that never shared their keys", SERVER)
        if len(alive) < self._parameters.min_survivors:
            raise ThresholdError("survivors", len(alive), self._parameters.min_survivors)
        self._require(len(alive & held.keys()), "neighbours that survived")
        if not self._graph.connects(alive):
            raise ConsistencyError("the survivors fall apart into groups", SERVER)

    def _check_agreements(self, agreements: AgreementList, survivors: SurvivorSet) -> None:
        alive = frozenset(survivors.survivors)
        digest = survivors.digest()
        for signer, signature in agreements.signatures:
            if signer not in alive or signer not in self._neighbours:
                raise WrongContentError(f"the agreement of {signer}, no neighbour", SERVER)
            agreement = Agreement(self.session_id, signer, digest)
            with blaming(SERVER):
                self._registry[signer].verify(SIGNED_MESSAGE, agreement.to_bytes(), signature)
        self._require(len(agreements.signatures) + 1, "agreements on the survivors")

    def _require(self, found: int, what: str) -> None:
        """Enforce the threshold over the holders, this client among them."""
        if found < self._parameters.threshold:
            raise ThresholdError(what, found, self._parameters.threshold)


def _reveal(pair: SharePair, survived: bool) -> RevealedShare:
    return SelfMaskShare(pair.self_mask) if survived else KeyShare(pair.key)
