"""The server of pairwise masking.

It relays keys and shares, adds up the masked vectors as they arrive, and completes the masks of
the clients that dropped out. Each stage is closed by the method that makes the next messages.
"""

from collections.abc import Iterable

from crypto.encoding.residues import ResidueSum
from crypto.errors import (
    ParameterError,
    ProtocolError,
    WrongContentError,
)
from crypto.parties import SERVER, ClientId, Party
from crypto.primitives.key_agreement import check_public_key
from crypto.primitives.shamir import holder_point
from crypto.protocols.masking.messages import MaskedVector
from crypto.protocols.masking.pairwise import add_pairwise_masks
from crypto.protocols.masking.parameters import MaskingParameters
from crypto.protocols.masking.peers import check_new_keys
from crypto.protocols.masking.unmasking import SecretRecovery, Unmasked
from crypto.protocols.pairwise_masking.messages import (
    DeliveredKeyShares,
    DroppedClients,
    EncryptedKeyShares,
    KeyList,
    KeyShares,
    PairwiseInvitation,
    PublicKeys,
)
from crypto.protocols.pairwise_masking.stages import CLIENT_MESSAGES, Stage
from crypto.randomness import SYSTEM, Randomness
from crypto.session.exchange import Opening
from crypto.session.messages import NONCE_BYTES, ClientMessage
from crypto.session.staged_server import StagedServer


class PairwiseServer(StagedServer):
    """The server's part in one session.

    Args:
        cohort: the clients asked, in increasing order.
        parameters: the session's public parameters; every client masks with every other one.
        round_id: the training round.
        dealt: whether an authority deals the clients' key pairs.
        randomness: where the session's nonce comes from.
        binding: digest of what the server gave the clients before; empty if it gave nothing.

    Raises:
        ParameterError: for a cohort out of order or parameters that do not fit it.

    Attributes:
        invitation: what it announces.
        findings: that shares were false which were not needed. Their dealers do not commit to them:
            whether a dealer or a holder lied cannot be told.
    """

    def __init__(
        self,
        cohort: tuple[ClientId, ...],
        parameters: MaskingParameters,
        round_id: int,
        *,
        dealt: bool = True,
        randomness: Randomness = SYSTEM,
        binding: bytes = b"",
    ) -> None:
        if parameters.degree != len(cohort) - 1:
            raise ParameterError(f"degree={parameters.degree} must be {len(cohort) - 1}")
        nonce = randomness.bytes(NONCE_BYTES)
        self.invitation = PairwiseInvitation(
            nonce, round_id, cohort, parameters, binding=binding, dealt=dealt
        )
        super().__init__(self.invitation.session_id(), CLIENT_MESSAGES, parameters.min_survivors)
        self._parameters = parameters
        self._keys: dict[ClientId, PublicKeys] = {}
        self._public_keys: set[bytes] = set()
        self._dealt: dict[ClientId, dict[ClientId, bytes]] = {}
        self._sharers: frozenset[ClientId] = frozenset()
        self._total = ResidueSum(parameters.length, parameters.modulus_bits)
        self._survivors: frozenset[ClientId] = frozenset()
        self._dropped: tuple[ClientId, ...] = ()
        self._answers: dict[ClientId, KeyShares] = {}
        self.findings: list[tuple[Party, ProtocolError]] = []

    def openings(self) -> Iterable[tuple[str, Opening]]:
        """Return what opens each stage, in their order; `unmask` closes the session."""
        return {
            Stage.ADVERTISE_KEYS: self.invite,
            Stage.SHARE_KEYS: self.publish_keys,
            Stage.MASKED_INPUT: self.deliver_shares,
            Stage.RECOVERY: self.announce_dropped,
        }.items()

    def invite(self) -> dict[ClientId, bytes]:
        """Open the session; return a `PairwiseInvitation` for each client of the cohort."""
        return self._invite(self.invitation.cohort, self.invitation)

    def publish_keys(self) -> dict[ClientId, bytes]:
        """Close stage one with the set P1; return a `KeyList` for each of its clients."""
        present = sorted(self._advance(Stage.ADVERTISE_KEYS, Stage.SHARE_KEYS))
        return {
            client: KeyList(
                self.session_id, tuple(self._keys[peer] for peer in present if peer != client)
            ).to_bytes()
            for client in present
        }

    def deliver_shares(self) -> dict[ClientId, bytes]:
        """Close stage two with the set P2; return a `DeliveredKeyShares` for each client of it."""
        present = self._sharers = self._advance(Stage.SHARE_KEYS, Stage.MASKED_INPUT)
        messages = {}
        for client in sorted(present):
            ciphertexts = tuple(
                (peer, self._dealt[peer][client]) for peer in sorted(present) if peer != client
            )
            messages[client] = DeliveredKeyShares(self.session_id, ciphertexts).to_bytes()
        self._dealt.clear()
        return messages

    def announce_dropped(self) -> dict[ClientId, bytes]:
        """Close the upload with the set P3; return a `DroppedClients` for each of its clients."""
        self._survivors = self._advance(Stage.MASKED_INPUT, Stage.RECOVERY)
        self._dropped = tuple(sorted(self._sharers - self._survivors))
        message = DroppedClients(self.session_id, self._dropped).to_bytes()
        return dict.fromkeys(sorted(self._survivors), message)

    def unmask(self) -> Unmasked:
        """Close the session with the set P4: complete the masks of those that dropped out.

        Raises:
            ThresholdError: if too few clients answered.
            ShareError: if shares were false beyond repair.

        Source: equation (18) of the paper.
        """
        self._door.close(Stage.RECOVERY)
        points = {client: holder_point(self.invitation.cohort, client) for client in self._answers}
        recovery = SecretRecovery(self._parameters.threshold, points, dealers_commit=False)
        survivors = tuple(sorted(self._survivors))
        peers = {peer: self._keys[peer].mask_key for peer in survivors}
        for client in self._dropped:
            shares = {holder: dict(given.shares)[client] for holder, given in self._answers.items()}
            keys = recovery.mask_keys(client, self._keys[client].mask_key, shares)
            add_pairwise_masks(self._total, client, keys, peers, self.session_id)
        self.findings += [(SERVER, finding) for finding in recovery.findings]
        return Unmasked(self._total.to_array(), survivors, ())

    def _accept(self, message: ClientMessage, signature: bytes) -> None:  # noqa: ARG002
        match message:
            case PublicKeys():
                self._accept_keys(message)
            case EncryptedKeyShares():
                self._accept_shares(message)
            case MaskedVector():
                self._total.add_packed(message.packed)
            case KeyShares():
                if tuple(owner for owner, _ in message.shares) != self._dropped:
                    raise WrongContentError("shares of others than the dropped clients")
                self._answers[message.sender] = message

    def _accept_keys(self, message: PublicKeys) -> None:
        """Refuse keys that would make the others give up, before they see them."""
        check_new_keys(self._public_keys, message.mask_key, message.share_key)
        for public in (message.mask_key, message.share_key):
            check_public_key(public)
        self._public_keys |= {message.mask_key, message.share_key}
        self._keys[message.sender] = message

    def _accept_shares(self, message: EncryptedKeyShares) -> None:
        others = tuple(sorted(self._keys.keys() - {message.sender}))
        if tuple(peer for peer, _ in message.ciphertexts) != others:
            raise WrongContentError("shares for others than the clients that are there")
        self._dealt[message.sender] = dict(message.ciphertexts)
