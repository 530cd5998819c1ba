"""Who lies about the quality of its data, and who is refused for the norm of its update.

Both act on what clients contribute to secure sums, before a protocol sums it: an update times its
weight, as residues, and the weight. What an enforced norm needs of cryptography, a proof with each
update that its norm is not larger, is not run here: its effect is. Who has none drops out when it
uploads.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crypto.parties import ClientId
from tff_health.hostile.attack import Attack
from tff_health.secure_aggregation.slots import Contribution, Slot, read_updates, write_updates

_STAGE = "masked input"
"""In which clients upload, in every protocol of masks."""


class Uploads:
    """What becomes of the clients' contributions on their way into a sum.

    Args:
        attack: what hostile clients do, and the norm that is enforced.
        fraction_bits: updates are multiples of 2^-fraction_bits.
    """

    def __init__(self, attack: Attack, fraction_bits: int) -> None:
        self._attack = attack
        self._step = 2.0**-fraction_bits

    def change(
        self, slots: Sequence[Slot], tensors: Mapping[ClientId, list[Any]]
    ) -> tuple[dict[ClientId, list[Any]], dict[ClientId, str]]:
        """Returns what clients upload, and who of them is refused at which stage.

        Args:
            slots: what is summed.
            tensors: client -> a tensor for each slot, as it should be.
        """
        uploads, refused = dict(tensors), {}
        for client, given in tensors.items():
            contribution = read_updates(slots, given)
            if contribution is None:  # no updates are summed
                return uploads, {}
            if client in self._attack.clients and self._attack.kind == "lie":
                claimed = dataclasses.replace(contribution, weight=contribution.max_weight)
                uploads[client] = write_updates(slots, given, claimed)
            if self._is_refused(contribution):
                refused[client] = _STAGE
        return uploads, refused

    def _is_refused(self, contribution: Contribution) -> bool:
        largest, update = self._attack.enforced_norm, contribution.update
        if not largest:
            return False
        rounding = self._step / 2 * math.sqrt(update.size)  # of each coordinate
        norm = self._step * float(np.linalg.norm(update))
        return norm > largest * (1 + 1e-6) + rounding
