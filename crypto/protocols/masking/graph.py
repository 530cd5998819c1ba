"""The graph of one session: who is whose neighbour.

Clients stand on a ring in an order drawn from the session's identifier; neighbours are those at
most degree / 2 places away (Bell et al. 2020, a Harary graph under a random permutation). With
degree n - 1 that is the complete graph.
"""

from collections.abc import Collection, Sequence

import numpy as np

from crypto.domain import domain_hash
from crypto.errors import ParameterError
from crypto.parties import ClientId
from crypto.primitives.prg import expand_mask


class NeighbourGraph:
    """The neighbours of every client, the same for all who know the session.

    Args:
        cohort: the clients in increasing order.
        degree: n - 1, or an even number from 2 to n - 2.
        session_id: what the order on the ring is drawn from.

    Raises:
        ParameterError: for an impossible degree.
    """

    def __init__(self, cohort: Sequence[ClientId], degree: int, session_id: bytes) -> None:
        count = len(cohort)
        if degree != count - 1 and not (2 <= degree <= count - 2 and degree % 2 == 0):
            raise ParameterError(f"degree={degree} must be {count - 1}, or even and below")
        self._reach = degree // 2
        self._complete = degree == count - 1
        self._cohort = cohort
        if self._complete:
            self._ring = tuple(cohort)
        else:
            keys = expand_mask(domain_hash("masking/graph", session_id), count, 62)
            order = np.argsort(keys, kind="stable")
            self._ring = tuple(cohort[position] for position in order)

    def neighbours(self, client: ClientId) -> tuple[ClientId, ...]:
        """Return a client's neighbours in increasing order."""
        if self._complete:
            return tuple(other for other in self._cohort if other != client)
        place, count = self._ring.index(client), len(self._ring)
        steps = [step for step in range(-self._reach, self._reach + 1) if step]
        return tuple(sorted(self._ring[(place + step) % count] for step in steps))

    def connects(self, clients: Collection[ClientId]) -> bool:
        """Tell whether masks tie all these clients together, so that no part can be summed alone.

        On the ring that holds unless at least two runs of degree / 2 or more others part them.
        """
        places = [place for place, client in enumerate(self._ring) if client in clients]
        if self._complete or len(places) < 2:
            return True
        following = [*places[1:], places[0] + len(self._ring)]
        cuts = sum(
            after - place > self._reach for place, after in zip(places, following, strict=True)
        )
        return cuts < 2
