"""The client of pairwise masking as it lives across rounds: its number and its policy."""

from crypto.errors import (
    ForeignMessageError,
    PolicyError,
    ReplayError,
    WrongTimeError,
    blaming,
)
from crypto.parties import AUTHORITY, SERVER, ClientId
from crypto.primitives.key_agreement import AgreementKeyPair
from crypto.protocols.masking.parameters import ClientPolicy
from crypto.protocols.pairwise_masking.client_session import Keyed, PairwiseClientSession
from crypto.protocols.pairwise_masking.messages import DealtKeys, PairwiseInvitation
from crypto.randomness import SYSTEM, Randomness
from crypto.session.joined_sessions import JoinedSessions
from crypto.session.thresholds import check_cohort


class PairwiseClient:
    """A client, for any number of sessions.

    Args:
        client_id: its number.
        policy: the least that it accepts of a session.
        dealt: whether it takes its key pairs from an authority, and refuses to make its own, or
            the reverse.
        randomness: where its own keys and its shares come from.
    """

    def __init__(
        self,
        client_id: ClientId,
        policy: ClientPolicy | None = None,
        *,
        dealt: bool = True,
        randomness: Randomness = SYSTEM,
    ) -> None:
        self.client_id = client_id
        self._policy = policy or ClientPolicy(signatures_required=False)
        self._dealt = dealt
        self._randomness = randomness
        self._joined = JoinedSessions(client_id)
        self._waiting: dict[bytes, Keyed] = {}

    def take_keys(self, data: bytes) -> None:
        """Take the key pairs that the authority made for one session, before joining it.

        Args:
            data: a `DealtKeys`, over the authority's private channel.

        Raises:
            MalformedMessageError: if `data` is no such message.
            ForeignMessageError: if it is for another client.
            ReplayError: if keys for this session came before.
        """
        with blaming(AUTHORITY):
            message = DealtKeys.from_bytes(data)
            if message.receiver != self.client_id:
                raise ForeignMessageError("keys of another client")
            if message.session_id in self._joined or message.session_id in self._waiting:
                raise ReplayError("a second set of keys for one session")
        self._waiting[message.session_id] = Keyed(
            AgreementKeyPair.from_private(message.mask_key),
            AgreementKeyPair.from_private(message.share_key),
        )

    def join(self, data: bytes, binding: bytes = b"") -> tuple[PairwiseClientSession, bytes]:
        """Advertise keys: accept an invitation and announce the public keys of one session.

        Args:
            data: a `PairwiseInvitation`.
            binding: digest of what the server gave this client before; empty if it was nothing.

        Returns:
            The client's part in the session, and a `PublicKeys` for the server.

        Raises:
            MalformedMessageError: if `data` is no invitation.
            ForeignMessageError: if it is for other clients.
            ReplayError: if this client has joined that very session before.
            PolicyError: if the session is weaker than the client's policy.
            ConsistencyError: if the session is bound to something else than `binding`.
            OpenedRoundError: if this client has uploaded in another session of the same round.
            WrongTimeError: naming the authority, if it has not dealt the session's keys.
        """
        with blaming(SERVER):
            invitation = PairwiseInvitation.from_bytes(data)
            opening = self._joined.check(invitation, binding)
            num_clients = len(invitation.cohort)
            check_cohort(num_clients, 0, self._policy.least_cohort)
            self._policy.check(num_clients, invitation.parameters)
            if invitation.parameters.degree != len(invitation.cohort) - 1:
                raise PolicyError("a session in which not all mask with all")
            if invitation.dealt != self._dealt:
                raise PolicyError("a session whose keys come from elsewhere than agreed to")
        part = PairwiseClientSession(
            self.client_id, invitation, self._keys(opening.session_id), opening, self._randomness
        )
        self._joined.add(opening.session_id)
        return part, part.advertise_keys()

    def _keys(self, session_id: bytes) -> Keyed:
        if not self._dealt:
            return Keyed(
                AgreementKeyPair.generate(self._randomness),
                AgreementKeyPair.generate(self._randomness),
            )
        keys = self._waiting.pop(session_id, None)
        if keys is None:
            raise WrongTimeError("no keys were dealt for this session", AUTHORITY)
        return keys
