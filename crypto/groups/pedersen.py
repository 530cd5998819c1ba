"""Pedersen commitments g^value H^blinding: they hide the value perfectly and bind computationally.

Source: Pedersen, "Non-interactive and information-theoretic secure verifiable secret sharing",
1991.
"""

from typing import Generic

from crypto.domain import domain_tag
from crypto.groups.base import Element, Group


def second_generator(group: Group[Element]) -> Element:
    """Return H, an element whose logarithm nobody knows: a hash of its own name.

    How a hash becomes an element is each group's `hash_to_element`: the square of a number modulo
    a safe prime, the first x that is on secp256k1, Elligator with the cofactor cleared on
    edwards25519. Members all; anybody can repeat it.
    """
    return group.hash_to_element(domain_tag("pedersen/second generator", group.name.encode()))


class Pedersen(Generic[Element]):
    """Commitments in one group."""

    def __init__(self, group: Group[Element]) -> None:
        self._group = group
        self._second = group.fixed_base(second_generator(group))

    def commit(self, value: int, blinding: int) -> Element:
        """Return g^value H^blinding."""
        return self._group.multiply(
            self._group.generator_power(value), self._second.power(blinding)
        )
