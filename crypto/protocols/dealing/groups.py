"""From contributions to groups: what everybody computes alike."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from crypto.domain import domain_hash, encode_id
from crypto.errors import ParameterError
from crypto.parties import ClientId
from crypto.primitives.prg import Keystream
from crypto.randomness import uniform_below


@dataclass(frozen=True)
class Groups:
    """A round's clients in groups.

    Attributes:
        digest: 32 bytes that only these groups of this dealing have.
        members: of each group, in increasing order.
    """

    digest: bytes
    members: tuple[tuple[ClientId, ...], ...]

    def binding(self, number: int, broadcast: bytes = b"") -> bytes:
        """Return what the sum of one group is bound to, so that it has these very members.

        Args:
            number: of the group, from 0.
            broadcast: digest of what the server gave the clients; empty if it was nothing.
        """
        members = b"".join(map(encode_id, self.members[number]))
        return domain_hash("dealing/group", self.digest, members, broadcast)


def deal(
    session_id: bytes, own: bytes, contributions: Mapping[ClientId, bytes], size: int
) -> Groups:
    """Deal clients into as many groups of at least `size` as there are, as equal as can be.

    Args:
        session_id: of the dealing.
        own: the server's contribution.
        contributions: client -> its contribution.
        size: fewest clients of a group.

    Raises:
        ParameterError: if they are too few for one group.

    Guarantees: uniform over all ways to do so, if any contribution is uniform and independent of
        all others.
    """
    clients = sorted(contributions)
    parts = [encode_id(client) + contributions[client] for client in clients]
    digest = domain_hash("dealing/seed", session_id, own, *parts)
    return Groups(digest, split(shuffled(clients, digest), size))


def split(order: Sequence[ClientId], size: int) -> tuple[tuple[ClientId, ...], ...]:
    """Cut a sequence into groups of `size` clients or more, whose sizes differ by one at most.

    Raises:
        ParameterError: if it is too short for one group.
    """
    count = len(order) // size
    if count == 0:
        raise ParameterError(f"{len(order)} clients are too few for a group of {size}")
    return tuple(tuple(sorted(order[number::count])) for number in range(count))


def shuffled(clients: Iterable[ClientId], seed: bytes) -> list[ClientId]:
    """Return clients in an order drawn from a seed of 32 bytes, all orders alike (Fisher-Yates)."""
    stream, left, order = _Stream(seed), list(clients), []
    while left:
        order.append(left.pop(uniform_below(len(left), stream)))
    return order


class _Stream:
    """The keystream of a seed as a source of random bytes."""

    def __init__(self, seed: bytes) -> None:
        self._keystream = Keystream(seed)

    def bytes(self, count: int) -> bytes:
        words = np.empty(count, np.uint8)
        self._keystream.fill(words, memoryview(bytes(count)))
        return words.tobytes()
