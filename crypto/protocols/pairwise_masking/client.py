"""The client of pairwise masking as it lives across rounds: its number and its policy."""

from crypto.errors import (
    ForeignMessageError,
    PolicyError,
    ReplayError,
    WrongTimeError,
    blaming,
)
from crypto.parties import AUTHORITY, ClientId
from crypto.primitives.key_agreement import AgreementKeyPair
from crypto.primitives.signatures import VerifyKey
from crypto.protocols.masking.parameters import ClientPolicy
from crypto.protocols.pairwise_masking.client_session import Keyed, PairwiseClientSession
from crypto.protocols.pairwise_masking.messages import DealtKeys, PairwiseInvitation
from crypto.randomness import SYSTEM, Randomness
from crypto.session.opened_rounds import Opening
from crypto.session.sum_client import SumClient
from crypto.session.thresholds import check_cohort


class PairwiseClient(SumClient[PairwiseClientSession]):
    """A client, for any number of sessions.

    Args:
        client_id: its number.
        policy: the least that it accepts of a session.
        dealt: whether it takes its key pairs from an authority, and refuses to make its own, or
            the reverse.
        randomness: where its own keys and its shares come from.
    """

    INVITATION = PairwiseInvitation

    def __init__(
        self,
        client_id: ClientId,
        policy: ClientPolicy | None = None,
        *,
        dealt: bool = True,
        randomness: Randomness = SYSTEM,
    ) -> None:
        super().__init__(client_id, randomness=randomness)
        self._policy = policy or ClientPolicy(signatures_required=False)
        self._dealt = dealt
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

    def _part(
        self,
        invitation: PairwiseInvitation,
        opening: Opening,
        *trusted: VerifyKey,  # noqa: ARG002
    ) -> PairwiseClientSession:
        """Make or take the keys of the session.

        Raises:
            WrongTimeError: naming the authority, if it has not dealt them.
        """
        num_clients = len(invitation.cohort)
        check_cohort(num_clients, 0, self._policy.least_cohort)
        self._policy.check(num_clients, invitation.parameters)
        if invitation.parameters.degree != num_clients - 1:
            raise PolicyError("a session in which not all mask with all")
        if invitation.dealt != self._dealt:
            raise PolicyError("a session whose keys come from elsewhere than agreed to")
        keys = self._keys(opening.session_id)
        return PairwiseClientSession(self.client_id, invitation, keys, opening, self._randomness)

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
