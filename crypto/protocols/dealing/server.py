"""The server of a dealing: it passes on what clients commit to and reveal, and reveals last."""

from collections.abc import Iterable, Mapping

from crypto.errors import ConsistencyError, ThresholdError
from crypto.parties import ClientId
from crypto.primitives.signatures import VerifyKey
from crypto.protocols.dealing.groups import Groups, deal
from crypto.protocols.dealing.messages import (
    CONTRIBUTION_BYTES,
    Commitment,
    CommitmentList,
    DealingInvitation,
    Reveal,
    RevealList,
    SignedCommitment,
    SignedReveal,
    client_commitment,
    server_commitment,
)
from crypto.protocols.dealing.stages import Stage
from crypto.randomness import SYSTEM, Randomness
from crypto.session.exchange import Opening
from crypto.session.messages import NONCE_BYTES, ClientMessage
from crypto.session.staged_server import StagedServer
from crypto.session.thresholds import plan_threshold


class DealingServer(StagedServer):
    """The server's part in one dealing.

    Args:
        cohort: the clients asked, in increasing order.
        round_id: the training round.
        attempt: of the round's dealings, from 1.
        group_size: fewest clients of a group.
        registry: the verify keys of the clients.
        randomness: where nonce and contribution come from.
        binding: digest of what the server gave the clients before; empty if it was nothing.

    Raises:
        ParameterError: for fewer than three clients, or fewer than a group has.
    """

    def __init__(
        self,
        cohort: tuple[ClientId, ...],
        round_id: int,
        attempt: int,
        group_size: int,
        registry: Mapping[ClientId, VerifyKey],
        randomness: Randomness = SYSTEM,
        binding: bytes = b"",
    ) -> None:
        nonce = randomness.bytes(NONCE_BYTES)
        self._own = randomness.bytes(CONTRIBUTION_BYTES)
        commitment = server_commitment(nonce, self._own)
        self._invitation = DealingInvitation(
            nonce, round_id, cohort, attempt, group_size, commitment, binding
        )
        kinds = {Stage.COMMIT.value: Commitment, Stage.REVEAL.value: Reveal}
        quorum = max(plan_threshold(len(cohort)), group_size)
        super().__init__(self._invitation.session_id(), kinds, quorum, registry)
        self._commitments: dict[ClientId, SignedCommitment] = {}
        self._reveals: dict[ClientId, SignedReveal] = {}
        self._list: CommitmentList | None = None

    @property
    def committed(self) -> tuple[ClientId, ...]:
        """The clients on the list of commitments, once there is one."""
        return () if self._list is None else tuple(sorted(self._commitments))

    @property
    def vanished(self) -> tuple[ClientId, ...]:
        """The clients that committed and have not revealed."""
        return tuple(client for client in self.committed if client not in self._reveals)

    def openings(self) -> Iterable[tuple[str, Opening]]:
        """Return what opens each stage."""
        yield Stage.COMMIT, lambda: self._invite(self._invitation.cohort, self._invitation)
        yield Stage.REVEAL, self.list_commitments
        yield Stage.GROUPS, self.list_contributions

    def list_commitments(self) -> dict[ClientId, bytes]:
        """Ask those who committed to reveal.

        Raises:
            ThresholdError: if they are too few.
        """
        clients = sorted(self._advance(Stage.COMMIT, Stage.REVEAL))
        self._list = CommitmentList(self.session_id, tuple(self._commitments[c] for c in clients))
        return dict.fromkeys(clients, self._list.to_bytes())

    def list_contributions(self) -> dict[ClientId, bytes]:
        """Tell all contributions, and open the server's commitment.

        Raises:
            ThresholdError: if somebody who committed did not reveal.
        """
        self._door.close(Stage.REVEAL)
        if self.vanished:
            found, needed = len(self._reveals), len(self._commitments)
            raise ThresholdError("clients that revealed what they committed to", found, needed)
        entries = tuple(self._reveals[client] for client in self.committed)
        message = RevealList(self.session_id, self._own, entries)
        return dict.fromkeys(self.committed, message.to_bytes())

    def groups(self) -> Groups:
        """Return the groups, once all contributions are told."""
        contributions = {c: entry.reveal.contribution for c, entry in self._reveals.items()}
        size = self._invitation.group_size
        return deal(self.session_id, self._own, contributions, size)

    def _accept(self, message: ClientMessage, signature: bytes) -> None:
        match message:
            case Commitment(sender=sender):
                self._commitments[sender] = SignedCommitment(message, signature)
            case Reveal(sender=sender, contribution=contribution):
                digest = client_commitment(self.session_id, sender, contribution)
                committed = self._commitments[sender].commitment.digest
                if self._list is None or message.commitments != self._list.digest():
                    raise ConsistencyError("a contribution to another list of commitments")
                if digest != committed:
                    raise ConsistencyError("a contribution that its sender did not commit to")
                self._reveals[sender] = SignedReveal(message, signature)
