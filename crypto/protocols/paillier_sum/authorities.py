"""The authority of Paillier sums as the server of a session reaches it: at hand, or apart."""

from dataclasses import dataclass

from crypto.codec import Record
from crypto.codings import ClientIds, Uint32
from crypto.errors import ConsistencyError, blaming
from crypto.parties import AUTHORITY
from crypto.primitives.signatures import VerifyKey
from crypto.protocols.paillier_sum.authority import KEY_PURPOSE, PaillierAuthority
from crypto.protocols.paillier_sum.messages import KeyAnnouncement
from crypto.session.apart.channel import ApartChannel
from crypto.session.helped_sum import Stage
from crypto.session.runner import StageRunner
from crypto.session.signing import split_signed
from crypto.session.thresholds import check_reachable


@dataclass(frozen=True)
class KeyWanted(Record):
    """What the server asks an authority that is apart for.

    Attributes:
        clients: whose sums the key is for, in increasing order.
        threshold: e, how many of them must consent.
    """

    clients: ClientIds
    threshold: Uint32

    def _check(self) -> None:
        check_reachable(self.threshold, len(self.clients))


class AuthorityAtHand:
    """An authority in the same process.

    Args:
        authority: itself.

    Attributes:
        announcement: what clients learn of its key.
        signature: of the announcement; empty in sessions without.
    """

    def __init__(self, authority: PaillierAuthority) -> None:
        self._authority = authority
        self.announcement = authority.announcement
        self.signature = authority.signature

    def decrypt(self, order: bytes, runner: StageRunner) -> bytes:
        """Have the sum decrypted; its time is the authority's."""
        return runner.close(lambda: self._authority.decrypt(order), AUTHORITY)


class AuthorityApart:
    """An authority that the server asks for a key when a session is opened.

    Args:
        channel: reaches it.
        wanted: whose sums the key is for.
        trusted: its verify key; None in sessions without signatures.

    Raises:
        AbortError: if it is not there or refuses.
        MalformedMessageError, SignatureError, ConsistencyError: naming the authority, if its answer
            is no key, not signed by it, or for others.

    Attributes:
        announcement: as in `AuthorityAtHand`.
        signature: likewise.
    """

    def __init__(self, channel: ApartChannel, wanted: KeyWanted, trusted: VerifyKey | None) -> None:
        self._channel = channel
        answer = channel.consult("announce", Stage.KEY_SETUP, wanted.to_bytes())
        with blaming(AUTHORITY):
            self.announcement, body, self.signature = split_signed(
                KeyAnnouncement, answer, trusted is not None
            )
            if trusted is not None:
                trusted.verify(KEY_PURPOSE, body, self.signature)
            if not {*wanted.clients} <= {*self.announcement.clients}:
                raise ConsistencyError("a key for others than the clients of the session")

    def decrypt(self, order: bytes, runner: StageRunner) -> bytes:  # noqa: ARG002
        """Have the sum decrypted; its time is what the authority says.

        Raises:
            AbortError: if it is not there or refuses.
        """
        return self._channel.consult("decrypt", Stage.DECRYPTION, order)
