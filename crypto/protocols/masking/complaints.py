"""What clients complain of to the server of double masking, and whom that proves wrong."""

from collections import Counter
from collections.abc import Collection

from crypto.errors import (
    ConsistencyError,
    ProtocolError,
    ShareError,
    ThresholdError,
    WrongContentError,
)
from crypto.parties import SERVER, ClientId, Party
from crypto.protocols.masking.messages import ShareComplaint
from crypto.protocols.masking.parameters import MaskingParameters


class Complaints:
    """The complaints about false shares of one session.

    Args:
        parameters: the session's. It bears as many liars beside a server that deviates as
            `count_colluders` says; a dealer whom more accuse dealt false shares.
    """

    def __init__(self, parameters: MaskingParameters) -> None:
        holders = parameters.degree + 1
        self._liars = max(2 * parameters.threshold - holders - 1, 0)
        self._accused: dict[ClientId, tuple[ClientId, ...]] = {}

    def take(self, complaint: ShareComplaint, dealers: Collection[ClientId]) -> None:
        """Keep a complaint.

        Args:
            complaint: what a client sent.
            dealers: those whose shares it was sent.

        Raises:
            WrongContentError: if it is about others.
        """
        if not frozenset(complaint.accused) <= {*dealers}:
            raise WrongContentError("a complaint about others than the dealers of its shares")
        self._accused[complaint.sender] = complaint.accused

    def culprits(self) -> tuple[ClientId, ...]:
        """Return the dealers that more clients accuse than can be liars."""
        counts = self._accusers().items()
        return tuple(sorted(dealer for dealer, count in counts if count > self._liars))

    def findings(self) -> list[tuple[Party, ProtocolError]]:
        """Return who accuses whom, the server its culprits."""
        said: list[tuple[Party, ProtocolError]] = [
            (client, ShareError("the share that it dealt, or that the server sent on", dealer))
            for client, accused in sorted(self._accused.items())
            for dealer in accused
        ]
        accusers = self._accusers()
        return said + [
            (SERVER, ShareError(f"{accusers[dealer]} clients were dealt false shares", dealer))
            for dealer in self.culprits()
        ]

    def explain(self, error: ThresholdError) -> ThresholdError | ShareError | ConsistencyError:
        """Return what to raise where clients that complained are missing."""
        if culprits := self.culprits():
            listed = ", ".join(map(str, culprits))
            return ShareError(f"{error}, as clients dealt false shares: {listed}", culprits[0])
        if not self._accused:
            return error
        said = "; ".join(
            f"{client} of {', '.join(map(str, accused))}"
            for client, accused in sorted(self._accused.items())
        )
        return ConsistencyError(
            f"{error}, as clients complained of false shares ({said}); these are so few that those "
            "who complain may lie, so that it cannot be told who is to blame"
        )

    def _accusers(self) -> Counter[ClientId]:
        return Counter(dealer for accused in self._accused.values() for dealer in accused)
