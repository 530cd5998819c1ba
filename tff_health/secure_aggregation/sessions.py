"""The sessions of protocols that one round takes: what each sums, and as which vectors.

The simulation runs them one after the other in one process; roles that are apart run the same ones,
each with its own part: a client makes its vector, the server takes the sum apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crypto.norm_proofs.parameters import NormBound
from crypto.protocols.quality_sum.joint import JointSum
from crypto.session.secure_sum import IntegerSum, SecureSum
from tff_health.errors import RunError
from tff_health.secure_aggregation.slots import (
    Slot,
    common_bits,
    from_vector,
    to_vector,
    value_bits,
)


@dataclass(frozen=True, eq=False)
class SumSession:
    """One session of a round.

    Attributes:
        protocol: computes it.
        slots: what its vectors hold, in order.
        positions: of these among all slots of the round.
        quality: the slot of the round whose one number is encrypted beside the vector, with its
            position; None if there is none, as for every protocol but a `JointSum`.
    """

    protocol: SecureSum | JointSum
    slots: tuple[Slot, ...]
    positions: tuple[int, ...]
    quality: tuple[int, Slot] | None = None

    @classmethod
    def over(
        cls, protocol: SecureSum | JointSum, slots: Sequence[Slot], positions: Sequence[int]
    ) -> "SumSession":
        """Returns a session over some of a round's slots.

        Args:
            protocol: computes it.
            slots: all of the round.
            positions: of those in its vectors.
        """
        return cls(protocol, tuple(slots[i] for i in positions), tuple(positions))

    @property
    def length(self) -> int:
        """Coordinates of a client's vector."""
        return sum(slot.size for slot in self.slots)

    @property
    def adds_integers(self) -> bool:
        """Whether the protocol adds integers (`sum_integers`), or else residues."""
        return isinstance(self.protocol, IntegerSum)

    @property
    def is_centred(self) -> bool:
        """Whether the protocol sums integers around 0, which must not wrap."""
        return self.protocol.centred

    @property
    def max_quality(self) -> int | None:
        """The largest number that may stand beside a vector; None if none does."""
        return None if self.quality is None else self.quality[1].bound - 1

    def bits(self, num_clients: int) -> int:
        """Returns what the protocol needs: k of the modulus 2^k, or bits of a client's integers.

        Args:
            num_clients: of the session's cohort.

        Raises:
            RunError: if a sum needs more than 62 bits.
        """
        if self.adds_integers:
            return value_bits(self.slots)
        least = self.protocol.least_bits(num_clients)
        return common_bits(self.slots, num_clients, centred=self.is_centred, least=least)

    def norm(self, num_clients: int) -> NormBound | None:
        """Returns the bound on the norm of updates, which are what is summed modulo powers of two.

        Args:
            num_clients: of the session's cohort.

        Returns:
            the bound as the vectors have it; None if the protocol proves none, or without updates.

        Raises:
            RunError: if updates are not the end of the vectors, or of different moduli.
        """
        updates = [slot for slot in self.slots if slot.is_power_of_two_sum]
        if self.protocol.norm_bound is None or not updates:
            return None
        bits = {slot.bits(1) for slot in updates}
        if len(bits) > 1 or self.slots[-len(updates) :] != tuple(updates):
            raise RunError(
                "a bound on norms needs updates that are the last of a computation's secure sums, "
                "modulo one number"
            )
        scale = self.bits(num_clients) - bits.pop()
        length = sum(slot.size for slot in updates)
        return NormBound(length, self.protocol.norm_bound << scale)

    def vector(
        self, tensors: Sequence[Any], num_clients: int
    ) -> NDArray[np.uint64] | NDArray[np.uint32]:
        """Makes one client's vector (length,), as `to_vector` does; run by the client.

        Args:
            tensors: one for each slot of the round.
            num_clients: of the session's cohort.

        Raises:
            RunError: if a number is out of its slot's range.
        """
        given = [tensors[i] for i in self.positions]
        return to_vector(self.slots, given, self._bits(num_clients), centred=self.is_centred)

    def quality_of(self, tensors: Sequence[Any]) -> int | None:
        """Returns what stands beside a client's vector, 0 to `max_quality`; None if nothing does.

        Args:
            tensors: one for each slot of the round.
        """
        return None if self.quality is None else int(tensors[self.quality[0]])

    def sums(
        self,
        total: NDArray[np.uint64],
        num_clients: int,
        quality_sum: int | None = None,
        *,
        num_survivors: int,
    ) -> Mapping[int, NDArray[Any]]:
        """Takes the opened sum apart; run by the server.

        Args:
            total: uint64 (length,).
            num_clients: of the session's cohort, survivors or not.
            quality_sum: of what stood beside the vectors, if something did.
            num_survivors: clients in the sum.

        Returns:
            from positions among the slots of the round to their sums.
        """
        middles = num_survivors if self.is_centred else 0
        parts = from_vector(self.slots, total, self._bits(num_clients), middles=middles)
        sums = dict(zip(self.positions, parts, strict=True))
        if self.quality is not None:
            position, slot = self.quality
            sums[position] = np.asarray(quality_sum, slot.dtype).reshape(slot.shape)
        return sums

    def _bits(self, num_clients: int) -> int | None:
        """As `to_vector` has it."""
        return None if self.adds_integers else self.bits(num_clients)
