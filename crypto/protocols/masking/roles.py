"""What the roles of every masking protocol look like from outside.

Double masking and pairwise masking differ in their messages; a session knows them by these names.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from crypto.encoding.residues import IntegerVector
from crypto.errors import ProtocolError
from crypto.parties import ClientId, Party
from crypto.protocols.masking.messages import Invitation
from crypto.protocols.masking.parameters import MaskingParameters
from crypto.protocols.masking.unmasking import Unmasked
from crypto.session.client_session import Part
from crypto.session.exchange import Opening


class MaskPart(Part[IntegerVector], Protocol):
    """One client in one session of a masking protocol."""

    @property
    def parameters(self) -> MaskingParameters:
        """What the server announced."""
        ...

    @property
    def agreed(self) -> tuple[ClientId, ...] | None:
        """The survivors that the clients agreed on and for whose sum this one gave its shares.

        None before, and in protocols in which they agree on nothing.
        """
        ...


class MaskClient(Protocol):
    """A client of a masking protocol."""

    def join(self, data: bytes, binding: bytes = b"") -> tuple[MaskPart, bytes]:
        """Accept an invitation; return the client's part and its first answer."""
        ...


class MaskServer(Protocol):
    """The server in one session."""

    @property
    def invitation(self) -> Invitation:
        """What it announces."""
        ...

    @property
    def findings(self) -> Sequence[tuple[Party, ProtocolError]]:
        """Who says of whom that shares were false: clients that complain, or the server itself."""
        ...

    @property
    def present(self) -> frozenset[ClientId]:
        """The clients that have answered in the present stage."""
        ...

    def openings(self) -> Iterable[tuple[str, Opening]]:
        """Return what the server does to open each stage, in their order."""
        ...

    def receive(self, sender: ClientId, data: bytes) -> None:
        """Take a client's message for the present stage."""
        ...

    def unmask(self) -> Unmasked:
        """Close the session."""
        ...
