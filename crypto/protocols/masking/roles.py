"""What the roles of every masking protocol look like from outside, and how they are run.

Double masking and pairwise masking differ in their messages; a session knows them by these names.
"""

from collections.abc import Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from crypto.encoding.residues import IntegerVector
from crypto.errors import ProtocolError
from crypto.parties import ClientId, Party
from crypto.protocols.masking.messages import Invitation
from crypto.protocols.masking.parameters import MaskingParameters
from crypto.protocols.masking.stages import Stage
from crypto.protocols.masking.unmasking import Unmasked
from crypto.session.client_session import JoinedParts
from crypto.session.runner import Opening

Given = TypeVar("Given")
Given_contra = TypeVar("Given_contra", contravariant=True)


class Part(Protocol[Given_contra]):
    """One client in one session, once it has joined."""

    def step(self, stage: str, data: bytes, given: Given_contra) -> bytes:
        """Take the step of a stage.

        Args:
            stage: a stage after the first.
            data: the server's message.
            given: the client's input, for the stage that uploads it.

        Returns:
            The answer to the server.
        """
        ...


class Joining(Protocol[Given_contra]):
    """A client for any number of sessions."""

    def join(self, data: bytes, binding: bytes = b"") -> tuple[Part[Given_contra], bytes]:
        """Accept an invitation; return the client's part and its first answer."""
        ...


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

    def openings(self) -> Mapping[str, Opening]:
        """Return what the server does to open each stage, in their order."""
        ...

    def receive(self, sender: ClientId, data: bytes) -> None:
        """Take a client's message for the present stage."""
        ...

    def unmask(self) -> Unmasked:
        """Close the session."""
        ...


class SessionClients(Generic[Given]):
    """The clients' side of one session.

    Args:
        clients: for any number of sessions.
        inputs: what each is given.
        binding: digest of what the server gave them before; empty if it was nothing.
    """

    def __init__(
        self,
        clients: Mapping[ClientId, Joining[Given]],
        inputs: Mapping[ClientId, Given],
        binding: bytes = b"",
    ) -> None:
        self._clients = clients
        self._binding = binding
        self._inputs = inputs
        self._parts: JoinedParts[Part[Given]] = JoinedParts()

    def answer(self, stage: str, client: ClientId, data: bytes) -> bytes:
        """Take the step of a stage with one client, which joins in the first one."""
        if stage == Stage.ADVERTISE_KEYS:
            self._parts[client], answer = self._clients[client].join(data, self._binding)
            return answer
        return self._parts[client].step(stage, data, self._inputs[client])
