"""Who takes part in a protocol, and how the parties are named."""

from typing import Final, Literal, TypeAlias

ClientId: TypeAlias = int
"""A client's number in the consortium, 0 to 2^32 - 1, the same in every round."""

Server: TypeAlias = Literal["server"]
Authority: TypeAlias = Literal["authority"]
Party: TypeAlias = ClientId | Server | Authority

SERVER: Final[Server] = "server"
AUTHORITY: Final[Authority] = "authority"
MAX_CLIENT_ID: Final = 2**32 - 1


def describe(party: Party | None) -> str:
    """Return a party's name for people: "client 7", "the server" or "nobody known"."""
    if party is None:
        return "nobody known"
    return f"client {party}" if isinstance(party, int) else f"the {party}"
