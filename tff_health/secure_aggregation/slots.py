"""The secure sums that one computation declares, and how all of them become one vector.

TFF has three words for a sum that the server may learn and nothing else: a sum modulo a number, a
sum of numbers of so many bits, and a sum of numbers up to a maximum. Each tensor under one of them
is a slot. A client contributes one vector for all its slots, so that one session of a protocol
has one set of survivors for all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tff_health.errors import RunError

Kind: TypeAlias = Literal["bitwidth", "max_input", "modular"]
KINDS: tuple[Kind, ...] = ("bitwidth", "max_input", "modular")
"""In the order of `tff.backends.mapreduce.MapReduceForm`."""

MAX_BITS = 62
_SHORT_BITS = 32


@dataclass(frozen=True)
class Slot:
    """One tensor of a secure sum.

    Attributes:
        kind: which of TFF's secure sums.
        bound: clients contribute integers from 0 to bound - 1; of a modular sum, the modulus:
            other integers stand for their residues.
        shape: of the tensor.
        dtype: of the tensor, an integer type.
    """

    kind: Kind
    bound: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """Coordinates of the tensor."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def is_power_of_two_sum(self) -> bool:
        """Whether it is a sum modulo a power of two, which residues modulo a larger one hold."""
        return self.kind == "modular" and self.bound & (self.bound - 1) == 0

    @property
    def middle(self) -> int:
        """What is taken off each number in protocols that sum integers around 0; residues are."""
        return 0 if self.is_power_of_two_sum else self.bound // 2

    def bits(self, num_clients: int, centred: bool = False) -> int:
        """The smallest k so that residues modulo 2^k hold the sum over n clients.

        A sum modulo anything but a power of two is computed over the integers and reduced by the
        server, which so learns how often it wrapped: up to log2(n) bits a coordinate more.

        Args:
            num_clients: n.
            centred: whether numbers are summed without their `middle`, and must not wrap.
        """
        if self.is_power_of_two_sum:
            return max(1, (self.bound - 1).bit_length())
        if centred:
            above = self.bound - 1 - self.middle
            return (max(num_clients * self.middle, num_clients * above + 1) - 1).bit_length() + 1
        return max(1, (num_clients * (self.bound - 1)).bit_length())


def common_bits(
    slots: Sequence[Slot], num_clients: int, *, centred: bool = False, least: int = 1
) -> int:
    """The k of a session that sums all `slots`.

    Args:
        slots: what is summed.
        num_clients: of the cohort.
        centred: as in `Slot.bits`.
        least: the smallest k that the protocol takes.

    Raises:
        RunError: if a slot needs more than 62 bits.
    """
    widest = max(slots, key=lambda slot: slot.bits(num_clients, centred))
    bits = max(widest.bits(num_clients, centred), least)
    _check_bits(widest, bits, num_clients)
    return bits


def check_integers(slots: Sequence[Slot], num_clients: int) -> None:
    """Refuses sums over the integers that are too long.

    Raises:
        RunError: if a slot, whose values are given as many bits as its largest, needs more than 62.
    """
    for slot in slots:
        bits = (num_clients * ((1 << slot.bits(1)) - 1)).bit_length()
        _check_bits(slot, bits, num_clients)


def _check_bits(slot: Slot, bits: int, num_clients: int) -> None:
    if bits > MAX_BITS:
        raise RunError(
            f"a secure sum ({slot.kind}, values below {slot.bound}) over {num_clients} clients "
            f"needs {bits} bits; {MAX_BITS} are there: lower its {slot.kind} or use fewer clients"
        )


def value_bits(slots: Sequence[Slot]) -> int:
    """The bits of the largest number that one client contributes, for sums over the integers."""
    return max(slot.bits(1) for slot in slots)


def to_vector(
    slots: Sequence[Slot], tensors: Sequence[Any], bits: int | None, *, centred: bool = False
) -> NDArray[np.uint64] | NDArray[np.uint32]:
    """Makes one client's vector of its tensors; run by the client.

    A residue v modulo 2^j stands as v 2^(k-j) modulo 2^k: sums of such numbers are the sums modulo
    2^j and tell nothing more. Where integers are added, it stands as it is.

    Args:
        slots: what the tensors are.
        tensors: integer arrays, one a slot.
        bits: k; None for a sum over the integers.
        centred: whether numbers that are no residues stand without the middle of their range.

    Returns:
        (m,), 0 to 2^k - 1, uint32 if k is at most 32, else uint64; uint64 for a sum of integers.

    Raises:
        RunError: if a number is out of its slot's range; those of a modular sum have none.
    """
    is_short = bits is not None and bits <= _SHORT_BITS
    vector: Any = np.empty(sum(slot.size for slot in slots), np.uint32 if is_short else np.uint64)
    end = 0
    for slot, tensor in zip(slots, tensors, strict=True):
        flat = np.asarray(tensor).reshape(-1)
        if flat.size and not (int(flat.min()) >= 0 and int(flat.max()) < slot.bound):
            if slot.kind != "modular":
                below = int(np.count_nonzero(flat < 0))
                above = int(np.count_nonzero(flat >= slot.bound))
                raise RunError(
                    f"a client's value for a secure sum ({slot.kind}) is out of range: of "
                    f"{flat.size} numbers {below} are below 0 and {above} above {slot.bound - 1}, "
                    "the largest allowed; for numbers below 0 use "
                    "tff.aggregators.SecureSumFactory, which shifts them, or a sum modulo a number"
                )
            flat = flat.astype(np.int64) % slot.bound
        start, end = end, end + slot.size
        part = vector[start:end]
        part[:] = flat
        if bits is not None and slot.is_power_of_two_sum:
            part <<= vector.dtype.type(bits - slot.bits(1))
        elif bits is not None and centred:
            part -= vector.dtype.type(slot.middle)
            part &= vector.dtype.type((1 << bits) - 1)
    return vector


def from_vector(
    slots: Sequence[Slot], total: NDArray[np.uint64], bits: int | None, *, middles: int = 0
) -> list[NDArray[np.integer[Any]]]:
    """Takes the sum of clients' vectors apart into the slots' sums; run by the server.

    Args:
        slots: as in `to_vector`.
        total: uint64 (m,), 0 to 2^k - 1.
        bits: as there.
        middles: how many clients' numbers stand in the sum without the middle of their range.

    Returns:
        an array a slot, of its shape and dtype. A sum that exceeds the dtype wraps, as it does
        when TFF adds in the clear.
    """
    sums = []
    ends = np.cumsum([slot.size for slot in slots])
    for slot, part in zip(slots, np.split(total, ends[:-1]), strict=True):
        value = part
        if bits is not None and middles:
            value = part + np.uint64(middles * slot.middle) & np.uint64((1 << bits) - 1)
        if bits is not None and slot.is_power_of_two_sum:
            value = part >> np.uint64(bits - slot.bits(1))
        elif slot.kind == "modular":
            value = value % np.uint64(slot.bound)
        sums.append(value.astype(slot.dtype).reshape(slot.shape))
    return sums


@dataclass(frozen=True, eq=False)
class Contribution:
    """What slots hold of an update: of one client, or of the sum over several.

    Attributes:
        update: float64 (m,), in steps of the encoding; over several clients, their weighted mean.
        weight: that it was multiplied with, or the sum of weights.
        max_weight: the largest weight of a client.
    """

    update: NDArray[np.float64]
    weight: int
    max_weight: int


def update_places(slots: Sequence[Slot]) -> list[int]:
    """Returns the places of sums of updates: those modulo a power of two."""
    return [place for place, slot in enumerate(slots) if slot.is_power_of_two_sum]


def weight_place(slots: Sequence[Slot]) -> int | None:
    """Returns the place of the one sum of weights, under a maximum; None if there is no such."""
    places = [place for place, slot in enumerate(slots) if slot.kind == "max_input"]
    return places[0] if len(places) == 1 and slots[places[0]].size == 1 else None


def read_updates(slots: Sequence[Slot], tensors: Sequence[Any]) -> Contribution | None:
    """Returns the update that was multiplied with a weight; None if slots have no such pair.

    Args:
        slots: of a computation with one of this package's means.
        tensors: a tensor for each slot: what a client contributes, or sums.
    """
    places, place = update_places(slots), weight_place(slots)
    if not places or place is None:
        return None
    weight = int(np.asarray(tensors[place]).item())
    parts = []
    for position in places:
        bound = slots[position].bound
        values = np.asarray(tensors[position]).astype(np.int64).reshape(-1) % bound
        parts.append(np.where(values >= bound // 2, values - bound, values))
    update = np.concatenate(parts) / np.float64(max(weight, 1))
    return Contribution(update, weight, slots[place].bound - 1)


def write_updates(
    slots: Sequence[Slot], tensors: Sequence[Any], contribution: Contribution
) -> list[Any]:
    """Returns tensors in which `read_updates` finds a contribution, rounded; others stay."""
    written, place = list(tensors), weight_place(slots)
    if place is None:
        raise RunError("the computation sums no weight that updates are multiplied with")
    summed = np.rint(contribution.update * np.float64(contribution.weight)).astype(np.int64)
    end = 0
    for position in update_places(slots):
        slot = slots[position]
        start, end = end, end + slot.size
        residues = summed[start:end] % slot.bound
        written[position] = residues.astype(slot.dtype).reshape(slot.shape)
    kind = slots[place]
    written[place] = np.asarray(contribution.weight, kind.dtype).reshape(kind.shape)
    return written
