"""The key holder as the server of a session reaches it: at hand, or apart."""

from crypto.errors import blaming
from crypto.parties import AUTHORITY
from crypto.primitives.signatures import VerifyKey
from crypto.protocols.homomorphic_sum.key_holder import KEY_PURPOSE, KeyHolder
from crypto.protocols.homomorphic_sum.messages import KeyAnnouncement
from crypto.protocols.homomorphic_sum.stages import Stage
from crypto.session.apart.channel import ApartChannel
from crypto.session.runner import StageRunner
from crypto.session.signing import split_signed
from crypto.vector_schemes.scheme import PublicVectorKey, VectorScheme


class HolderAtHand:
    """A key holder in the same process.

    Args:
        holder: itself.

    Attributes:
        announcement: what clients learn of its key.
        signature: of the announcement; empty in sessions without.
        public_key: the key.
    """

    def __init__(self, holder: KeyHolder) -> None:
        self._holder = holder
        self.announcement = holder.announcement
        self.signature = holder.signature
        self.public_key: PublicVectorKey = holder.public_key

    def decrypt(self, order: bytes, runner: StageRunner) -> bytes:
        """Have the sum decrypted; its time is the authority's."""
        return runner.close(lambda: self._holder.decrypt(order), AUTHORITY)


class HolderApart:
    """A key holder that the server asks for its key when a session is opened.

    Args:
        channel: reaches it.
        scheme: of its key.
        trusted: its verify key; None in sessions without signatures.
        read: encoded key -> the key, of sessions before; is added to.

    Raises:
        AbortError: if it is not there or refuses.
        MalformedMessageError, SignatureError: naming the authority, if its answer is no key, or
            not signed by it.

    Attributes:
        announcement: as in `HolderAtHand`, and the others.
    """

    def __init__(
        self,
        channel: ApartChannel,
        scheme: VectorScheme,
        trusted: VerifyKey | None,
        read: dict[bytes, PublicVectorKey],
    ) -> None:
        self._channel = channel
        answer = channel.consult("announce", Stage.KEY_SETUP, b"")
        with blaming(AUTHORITY):
            self.announcement, body, self.signature = split_signed(
                KeyAnnouncement, answer, trusted is not None
            )
            if trusted is not None:
                trusted.verify(KEY_PURPOSE, body, self.signature)
            key = self.announcement.key
            if key not in read:
                read[key] = scheme.read_key(key)
        self.public_key = read[key]

    def decrypt(self, order: bytes, runner: StageRunner) -> bytes:  # noqa: ARG002
        """Have the sum decrypted; its time is what the key holder says.

        Raises:
            AbortError: if it is not there or refuses.
        """
        return self._channel.consult("decrypt", Stage.UPLOAD, order)
