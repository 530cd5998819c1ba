"""What both ends of a stream say first, so that who does not fit is told why."""

import time
from dataclasses import dataclass, replace
from typing import Annotated, Final, Self

import tff_health
from crypto.codec import Record
from crypto.codings import DIGEST_BYTES, Digest, Flag, Name, OrEmpty, Uint8, Uint64
from crypto.errors import DecodingError, SignatureError
from crypto.primitives.signatures import SIGNATURE_BYTES, SigningIdentity, VerifyKey
from crypto.randomness import SYSTEM
from tff_health.federation.carrier.frames import FrameError, FrameKind, frame
from tff_health.federation.consortium.digests import spoken
from tff_health.federation.errors import RefusedError

VERSION: Final = 1
"""Of frames and greetings."""
MOST_BYTES: Final = 1000
_PURPOSE: Final = "federation/greeting"


@dataclass(frozen=True)
class Greeting(Record):
    """What a program says of itself.

    Attributes:
        version: of frames.
        package: version of this package.
        study: digest of the study.
        registry: digest of the registry.
        decoding: how it decodes image files, `data.own.fingerprint`'s digest; none if it does not.
        clock: Unix time, in seconds, as this program has it.
        is_check: whether a site only wants to know whether all is well.
        nonce: 32 fresh bytes.
        signature: of the server, over both greetings; so its signing key is asked for beside its
            certificate, and one that the registry no longer has is of no use.
    """

    version: Uint8
    package: Name
    study: Digest
    registry: Digest
    decoding: Annotated[bytes, OrEmpty(DIGEST_BYTES)]
    clock: Uint64
    is_check: Flag
    nonce: Digest
    signature: Annotated[bytes, OrEmpty(SIGNATURE_BYTES)]

    @classmethod
    def of(cls, study: bytes, registry: bytes, decoding: bytes = b"") -> Self:
        """Returns the greeting of this program."""
        package = tff_health.__version__
        fixed = VERSION, package, study, registry, decoding
        return cls(*fixed, 0, False, bytes(32), b"").now()

    def now(self) -> Self:
        """Returns the same with the time now, and a fresh nonce."""
        return replace(self, clock=int(time.time()), nonce=SYSTEM.bytes(32))

    def answering(self, site: "Greeting", identity: SigningIdentity) -> Self:
        """Returns the same, signed by the server as the answer to a site's greeting."""
        signature = identity.sign(_PURPOSE, site.to_bytes() + self.to_bytes())
        return replace(self, signature=signature)

    def check_answer(self, server: "Greeting", key: VerifyKey) -> None:
        """Checks that a greeting is the server's answer to this one; FrameError if it is not."""
        signed = self.to_bytes() + replace(server, signature=b"").to_bytes()
        try:
            key.verify(_PURPOSE, signed, server.signature)
        except SignatureError:
            raise FrameError("a greeting that the server of the registry has not signed") from None

    def to_frame(self) -> bytes:
        """Returns the frame that says it."""
        return frame(FrameKind.GREETING, self.to_bytes())

    @classmethod
    def from_content(cls, kind: FrameKind, content: memoryview) -> Self:
        """Reads a first frame; FrameError if it is no greeting."""
        if kind != FrameKind.GREETING or len(content) > MOST_BYTES:
            raise FrameError("a stream that begins without a greeting")
        try:
            return cls.from_bytes(bytes(content))
        except DecodingError as error:
            raise FrameError(f"a greeting that is none: {error}") from None

    def check_like(self, other: "Greeting", who: str) -> None:
        """Refuses to work together with another program that must not differ and does.

        Args:
            other: what the other one says of itself.
            who: it is.

        Raises:
            RefusedError: with what is to be done, `about` version, study or decoding.
        """
        if other.version != self.version:
            raise RefusedError(
                f"{who} speaks version {other.version} of the carrier (package {other.package}), "
                f"and we {self.version} (package {self.package}): install the same version",
                about="version",
            )
        if other.study != self.study:
            raise RefusedError(
                f"{who} has another study, digest {spoken(other.study)}; ours has "
                f"{spoken(self.study)}",
                about="study",
            )
        if self.decoding and other.decoding and other.decoding != self.decoding:
            raise RefusedError(
                f"{who} decodes image files otherwise, so that it would train on other pixels: "
                "install the versions of requirements.txt on both sides, and compare what "
                "`python -m tff_health.data fingerprint` prints",
                about="decoding",
            )
