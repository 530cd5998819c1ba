"""Letters: what travels in aux messages of NVFlare, each a frame that its sender has signed.

NVFlare admits programs by their certificates, but tells those who take a message only the name that
the message itself says. So who sent a letter is known by its signature, with the key that the
registry has; and where it belongs by what is signed: the run, the stream and its place in it.
"""

from dataclasses import dataclass, field
from typing import Final, Self

from crypto.codec import Record
from crypto.codings import Digest, Name, Sized, Uint64
from crypto.errors import DecodingError, SignatureError
from crypto.primitives.signatures import SIGNATURE_BYTES, SigningIdentity, VerifyKey
from tff_health.federation.errors import RefusedError

TO_SERVER: Final = "federation/nvflare to server"
TO_SITE: Final = "federation/nvflare to site"
"""Purposes of signatures: the two directions."""
RUN_BYTES: Final = 32
STREAM_BYTES: Final = 32
MOST_EXTRA_BYTES: Final = 512
"""More than a letter adds to the frame in it."""


@dataclass(frozen=True)
class Letter(Record):
    """One frame of a stream.

    Attributes:
        run: drawn by the server when its program began.
        stream: drawn by the site for this stream.
        sender: name of the sender, as in the registry.
        number: of letters that the sender sent before on this stream.
        frame: as `tff_health.federation.carrier.frames` has it.
    """

    run: Digest
    stream: Digest
    sender: Name
    number: Uint64
    frame: Sized = field(repr=False)

    def sign(self, purpose: str, identity: SigningIdentity) -> bytes:
        """Returns the letter with its sender's signature, as it travels."""
        body = self.to_bytes()
        return body + identity.sign(purpose, body)


@dataclass(frozen=True)
class SignedLetter:
    """A letter that has come, whose signature is not checked yet.

    Attributes:
        letter: what it says.
        body: what was signed.
        signature: 64 bytes.
    """

    letter: Letter
    body: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @classmethod
    def read(cls, data: bytes, most: int) -> Self:
        """Takes apart what has come.

        Args:
            data: as `Letter.sign` wrote it.
            most: bytes of the longest frame.

        Raises:
            RefusedError: if it is no letter, or too long.
        """
        if len(data) > most + MOST_EXTRA_BYTES:
            raise RefusedError(f"a letter of {len(data):,} bytes; its frame may have {most:,}")
        body, signature = data[:-SIGNATURE_BYTES], data[-SIGNATURE_BYTES:]
        try:
            return cls(Letter.from_bytes(body), body, signature)
        except DecodingError as error:
            raise RefusedError(f"a letter that is none: {error}") from None

    def open(self, purpose: str, key: VerifyKey) -> Letter:
        """Returns the letter if its signature holds.

        Raises:
            RefusedError: if it does not.
        """
        try:
            key.verify(purpose, self.body, self.signature)
        except SignatureError:
            name = self.letter.sender[:40]
            raise RefusedError(f"a letter that {name!r} of the registry has not signed") from None
        return self.letter
