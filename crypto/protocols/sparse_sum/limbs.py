"""Residues modulo 2^k as limbs that a scheme can add exactly."""

import numpy as np
from numpy.typing import NDArray

from crypto.errors import CapacityError
from crypto.vector_schemes.scheme import PublicVectorKey, VectorPlan


def value_plan(key: PublicVectorKey, modulus_bits: int, max_addends: int) -> VectorPlan:
    """Return the plan of one value: the fewest limbs of which sums fit the key.

    Args:
        key: of the session.
        modulus_bits: k, 1 to 62.
        max_addends: the most values in a sum.

    Raises:
        CapacityError: if not even single bits can be summed.
    """
    for limbs in range(1, modulus_bits + 1):
        try:
            plan = VectorPlan(limbs, -(-modulus_bits // limbs), max_addends)
            key.check_plan(plan)
        except CapacityError:
            continue
        return plan
    raise CapacityError(f"sums of {max_addends} bits do not fit this key")


def to_limbs(value: int, plan: VectorPlan) -> NDArray[np.uint64]:
    """Return the limbs of a residue, the lowest first."""
    shifts = range(0, plan.length * plan.value_bits, plan.value_bits)
    return np.array([value >> shift & plan.max_value for shift in shifts], np.uint64)


def from_limbs(sums: NDArray[np.int64], plan: VectorPlan, modulus_bits: int) -> int:
    """Return the residue modulo 2^k of which `sums` are the summed limbs."""
    total = sum(int(limb) << (i * plan.value_bits) for i, limb in enumerate(sums))
    return total & ((1 << modulus_bits) - 1)
