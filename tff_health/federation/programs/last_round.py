"""How the last round ended, as the server keeps it with its state."""

from tff_health.federation.rounds.messages import RoundClosed


class LastRound:
    """How the last round ended, to be told to sites once it is kept; goes with the state.

    Attributes:
        name: of the record.
        closed: what sites are to be told; None before the first round.
    """

    name = "last round"

    def __init__(self) -> None:
        self.closed: RoundClosed | None = None

    @property
    def text(self) -> str:
        """What is kept with the state."""
        return self.closed.to_bytes().hex() if self.closed else ""

    def restore(self, text: str) -> None:
        """Goes on from the kept text; empty at the start of a run."""
        self.closed = RoundClosed.from_bytes(bytes.fromhex(text)) if text else None

    def write(self) -> None:
        """Has no file of its own."""
