"""The client of a dealing: it contributes, and checks that everybody else's contribution is in."""

from collections.abc import Mapping
from dataclasses import dataclass

from crypto.errors import ConsistencyError, OpenedRoundError, PolicyError
from crypto.parties import SERVER, ClientId
from crypto.primitives.signatures import SigningIdentity, VerifyKey
from crypto.protocols.dealing.groups import Groups, deal
from crypto.protocols.dealing.messages import (
    CONTRIBUTION_BYTES,
    MOST_DEALINGS,
    Commitment,
    CommitmentList,
    DealingInvitation,
    Reveal,
    RevealList,
    client_commitment,
    server_commitment,
)
from crypto.protocols.dealing.stages import Stage
from crypto.randomness import SYSTEM, Randomness
from crypto.session.client_session import ClientSession
from crypto.session.joined_sessions import check_identities
from crypto.session.opened_rounds import Opening
from crypto.session.signing import verify_relayed
from crypto.session.sum_client import SumClient
from crypto.session.thresholds import check_cohort, plan_threshold


@dataclass(frozen=True)
class Committed:
    """A client that has committed, and revealed nothing."""

    contribution: bytes


@dataclass(frozen=True)
class Revealed:
    """A client that has revealed, and waits for what the others did."""

    commitments: CommitmentList


@dataclass(frozen=True)
class Dealt:
    """A client that knows its group."""

    groups: Groups


class DealtRounds:
    """The dealings that one client has revealed for: a few a round, each of fewer clients."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[int, tuple[ClientId, ...]]] = {}

    def check(self, invitation: DealingInvitation) -> None:
        """Refuse a dealing that is one too many of its round, or lost nobody.

        Raises:
            OpenedRoundError: naming the server.
        """
        last, cohort = self._last.get(invitation.round_id, (0, ()))
        if invitation.attempt <= last:
            raise OpenedRoundError(
                f"dealing {invitation.attempt} of round {invitation.round_id}, for {last} of which "
                f"this client has revealed; there are at most {MOST_DEALINGS}",
                SERVER,
            )
        if cohort and not set(invitation.cohort) < set(cohort):
            raise OpenedRoundError("another dealing of a round from which nobody vanished", SERVER)

    def add(self, invitation: DealingInvitation, cohort: tuple[ClientId, ...]) -> None:
        """Note that the client reveals, before it does."""
        self._last[invitation.round_id] = invitation.attempt, cohort


class DealingClient(SumClient["DealingClientSession"]):
    """A client for any number of dealings; see `KnownClient`.

    Args:
        client_id: its number.
        identity: signs its messages.
        registry: the verify key of every client of the consortium.
        group_size: fewest clients of a group that it accepts.
        randomness: where its contributions come from.
    """

    INVITATION = DealingInvitation

    def __init__(
        self,
        client_id: ClientId,
        identity: SigningIdentity,
        registry: Mapping[ClientId, VerifyKey],
        group_size: int,
        randomness: Randomness = SYSTEM,
    ) -> None:
        super().__init__(client_id, identity, registry, randomness)
        self._group_size = group_size
        self._rounds = DealtRounds()

    def _part(
        self,
        invitation: DealingInvitation,
        opening: Opening,
        *trusted: VerifyKey,  # noqa: ARG002
    ) -> "DealingClientSession":
        check_identities(invitation.cohort, self._registry)
        check_cohort(len(invitation.cohort), len(self._registry), self._group_size)
        if invitation.group_size < self._group_size:
            raise PolicyError(
                f"groups of {invitation.group_size} clients, and {self._group_size} are the "
                "fewest agreed to",
                SERVER,
            )
        self._rounds.check(invitation)
        contribution = self._randomness.bytes(CONTRIBUTION_BYTES)
        return DealingClientSession(self, invitation, opening, contribution, self._rounds)


class DealingClientSession(ClientSession[Committed | Revealed | Dealt]):
    """One client in one dealing."""

    def __init__(
        self,
        owner: DealingClient,
        invitation: DealingInvitation,
        opening: Opening,
        contribution: bytes,
        rounds: DealtRounds,
    ) -> None:
        size = len(invitation.cohort)
        state = Committed(contribution)
        super().__init__(owner.client_id, opening.session_id, state, size, owner.identity)
        self._invitation = invitation
        self._registry = owner.registry
        self._rounds = rounds

    @property
    def groups(self) -> Groups:
        """The groups; WrongTimeError if this client does not know them yet."""
        return self._at(Dealt).groups

    def first_answer(self) -> bytes:
        """Return the commitment."""
        contribution = self._at(Committed).contribution
        digest = client_commitment(self.session_id, self.client_id, contribution)
        return self._answer(Commitment, digest)

    def step(self, stage: str, data: bytes) -> bytes | None:
        """Take the step of a stage after the first.

        Raises:
            SignatureError, ConsistencyError, ThresholdError: naming the server, if what it passed
            on is not signed by its senders, not complete, or not what they committed to.
            OpenedRoundError: if the client has revealed for another dealing of the round meanwhile.
        """
        if stage == Stage.REVEAL:
            return self.reveal(data)
        self.learn(data)
        return None

    def reveal(self, data: bytes) -> bytes:
        """Check the list of commitments, and reveal this client's contribution."""
        own, message = self._take(Committed, CommitmentList, data)
        senders = tuple(entry.commitment.sender for entry in message.entries)
        for entry in message.entries:
            self._check_sender(entry.commitment.sender)
            verify_relayed(entry.commitment, entry.signature, self._registry)
        digest = client_commitment(self.session_id, self.client_id, own.contribution)
        if (self.client_id, digest) not in {
            (entry.commitment.sender, entry.commitment.digest) for entry in message.entries
        }:
            raise ConsistencyError("a list without this client's commitment", SERVER)
        least = plan_threshold(len(self._invitation.cohort))
        if len(senders) < least:
            raise ConsistencyError(
                f"a list of {len(senders)} clients, and {least} of the cohort are the fewest",
                SERVER,
            )
        self._rounds.check(self._invitation)
        self._rounds.add(self._invitation, senders)
        self._state = Revealed(message)
        return self._answer(Reveal, message.digest(), own.contribution)

    def learn(self, data: bytes) -> None:
        """Check all contributions, and compute the groups."""
        before, message = self._take(Revealed, RevealList, data)
        self._state = Dealt(self._groups(before.commitments, message))

    def _groups(self, commitments: CommitmentList, message: RevealList) -> Groups:
        committed = {e.commitment.sender: e.commitment.digest for e in commitments.entries}
        if [entry.reveal.sender for entry in message.entries] != list(committed):
            raise ConsistencyError("contributions of others than those who committed", SERVER)
        invitation, seen = self._invitation, commitments.digest()
        if server_commitment(invitation.nonce, message.contribution) != invitation.commitment:
            raise ConsistencyError("a contribution that the server did not commit to", SERVER)
        for entry in message.entries:
            reveal = entry.reveal
            verify_relayed(reveal, entry.signature, self._registry)
            digest = client_commitment(self.session_id, reveal.sender, reveal.contribution)
            if reveal.commitments != seen or digest != committed[reveal.sender]:
                raise ConsistencyError("a contribution to another list or commitment", SERVER)
        contributions = {e.reveal.sender: e.reveal.contribution for e in message.entries}
        return deal(self.session_id, message.contribution, contributions, invitation.group_size)

    def _check_sender(self, sender: ClientId) -> None:
        if sender not in self._invitation.cohort:
            raise ConsistencyError("a commitment of a client that was not asked", SERVER)
