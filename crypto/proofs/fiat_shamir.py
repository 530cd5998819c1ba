"""The Fiat-Shamir challenge: one place that decides what is hashed.

Context, statement and commitments are all hashed. Leaving the statement out is the classic mistake
("weak Fiat-Shamir"): the prover then picks the statement after the challenge.

Source: Fiat and Shamir 1986; Bernhard, Pereira, Warinschi, "How not to prove yourself", 2012.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from crypto.domain import domain_hash
from crypto.groups.base import Element, Group

CHALLENGE_BYTES: Final = 16
CHALLENGES: Final = 1 << (8 * CHALLENGE_BYTES)
"""Number of challenges, 2^128: the chance of a false proof is one in so many, for each try."""


def challenge(
    purpose: str,
    group: Group[Element],
    context: bytes,
    elements: Iterable[Element],
    numbers: Sequence[int] = (),
) -> int:
    """Return the challenge, 0 to 2^128 - 1.

    Args:
        purpose: which proof.
        group: where the elements live.
        context: what the proof is bound to: a `domain_tag` of session and client.
        elements: statement and commitments, all of them, in a fixed order.
        numbers: public numbers of the statement, 0 to 2^64 - 1.
    """
    parts = [group.name.encode(), context, *(number.to_bytes(8, "little") for number in numbers)]
    digest = domain_hash(f"proofs/{purpose}", *parts, *map(group.encode, elements))
    return int.from_bytes(digest[:CHALLENGE_BYTES], "little")
