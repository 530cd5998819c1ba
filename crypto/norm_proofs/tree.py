"""A hash tree over columns: one hash for all, and what shows that some stand below it.

Source: Merkle 1987; all paths at once, without the hashes that follow from others.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from crypto.domain import domain_tag
from crypto.errors import ProofError

HASH_BYTES: Final = 32
_LEAF: Final = domain_tag("norm proof/column")
_NODE: Final = domain_tag("norm proof/node")


def leaf(salt: bytes, column: bytes) -> bytes:
    """Return the hash of a column; salts have one length, and so have columns."""
    return hashlib.sha256(_LEAF + salt + column).digest()


class Tree:
    """A tree of hashes.

    Args:
        leaves: a power of two of them.
    """

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._levels = [list(leaves)]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            self._levels.append([_node(*pair) for pair in zip(*[iter(below)] * 2, strict=True)])

    @property
    def root(self) -> bytes:
        """The hash of all."""
        return self._levels[-1][0]

    def siblings(self, places: Iterable[int]) -> bytes:
        """Return the hashes by which `root_of` finds the root from the leaves at some places."""
        found, known = [], set(places)
        for level in self._levels[:-1]:
            found += [level[place ^ 1] for place in sorted(known) if place ^ 1 not in known]
            known = {place >> 1 for place in known}
        return b"".join(found)


def root_of(leaves: Mapping[int, bytes], number: int, siblings: bytes) -> bytes:
    """Return the root above some leaves.

    Args:
        leaves: place -> hash.
        number: of all leaves, a power of two.
        siblings: as `Tree.siblings` returns them.

    Raises:
        ProofError: for more or fewer siblings than that.
    """
    known, start = dict(leaves), 0
    while number > 1:
        above = {}
        for place, own in sorted(known.items()):
            other = known.get(place ^ 1)
            if other is None:
                other = siblings[start : start + HASH_BYTES]
                start += HASH_BYTES
            above[place >> 1] = _node(other, own) if place & 1 else _node(own, other)
        known, number = above, number >> 1
    if start != len(siblings):
        raise ProofError("other hashes than a tree has")
    return known[0]


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()
