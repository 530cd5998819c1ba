"""The trusted authority of pairwise masking: it makes the clients' key pairs for one session."""

from crypto.errors import WrongTimeError
from crypto.parties import AUTHORITY, ClientId
from crypto.primitives.key_agreement import AgreementKeyPair
from crypto.protocols.pairwise_masking.messages import DealtKeys, PairwiseInvitation
from crypto.randomness import SYSTEM, Randomness


class KeyAuthority:
    """The paper's trusted authority (4.3.1), for one session.

    The paper's authority deals key pairs for all T rounds at the beginning. Here one is made for
    each session, so that any cohort can be served for any number of rounds; what a client receives
    for a round is the same. The public halves are announced by the clients themselves.

    The channel from the authority to a client is assumed to be private and authentic, as in the
    paper: its messages are counted like all others, but not encrypted by this library.

    Whoever holds what the authority dealt can unmask every upload of the session. It forgets all
    of it on dealing: no reference is left. Python does not wipe memory.

    Args:
        invitation: the session, as the server announced it.
        randomness: where the keys come from.
    """

    def __init__(self, invitation: PairwiseInvitation, randomness: Randomness = SYSTEM) -> None:
        self._session_id = invitation.session_id()
        self._pairs: dict[ClientId, tuple[AgreementKeyPair, AgreementKeyPair]] | None = {
            client: (AgreementKeyPair.generate(randomness), AgreementKeyPair.generate(randomness))
            for client in invitation.cohort
        }

    def deal(self) -> dict[ClientId, bytes]:
        """Return a `DealtKeys` for each client of the cohort; can be done once.

        Raises:
            WrongTimeError: if this authority has dealt before: it no longer knows anything.
        """
        pairs, self._pairs = self._pairs, None
        if pairs is None:
            raise WrongTimeError("the keys were dealt, and are forgotten", AUTHORITY)
        return {
            client: DealtKeys(
                self._session_id, client, mask_keys.private, share_keys.private
            ).to_bytes()
            for client, (mask_keys, share_keys) in pairs.items()
        }
