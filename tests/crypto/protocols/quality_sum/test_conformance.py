"""The vectors' sum of a joint session is a secure sum like any other.

The suite disturbs the stages in which all clients are asked; `test_decryption.py` and
`test_key_setup.py` disturb the others.
"""

import functools
import itertools

import numpy as np

from crypto.protocols.quality_sum.session import HardenedQualitySum, QualitySum
from crypto.protocols.quality_sum.stages import Stage
from crypto.session.opened_rounds import OncePerRound
from crypto.session.secure_sum import SecureSum, SumResult
from crypto.session.thresholds import plan_threshold
from tests.crypto.conformance import SecureSumConformance
from tests.crypto.protocols.pairwise_masking.test_session import PairwiseMaskingConformance

MAX_QUALITY = 3


class AsSecureSum(SecureSum):
    """A joint session; qualities follow from the clients' numbers."""

    def __init__(self, joint):
        self._joint = joint
        self._rounds = itertools.count()  # tests share it, and it opens one sum a round
        self.stages = joint.stages[1:]

    def sum(self, vectors, modulus_bits, **plan):
        qualities = {client: client % 4 for client in vectors}
        plan["round_id"] = next(self._rounds)
        self._joint._once = OncePerRound()  # and equal vectors of two tests stand for new ones
        result = self._joint.sum(vectors, qualities, modulus_bits, max_quality=MAX_QUALITY, **plan)
        assert result.quality_sum == sum(qualities[client] for client in result.survivors)
        return SumResult(result.sum, result.survivors, result.costs, result.refusals)


@functools.cache
def with_key_for(cohort, kind, **options):
    """A joint session that has its key. Tests share it, since a new key takes longer than they do:
    what one session leaves behind in clients must not harm the next anyway."""
    joint = AsSecureSum(kind(**options))
    joint.sum({client: np.zeros(1, np.uint64) for client in cohort}, 8, round_id=0)
    return joint


class JointConformance(SecureSumConformance):
    clients = (3, 5, 8, 13, 21)
    upload_stage = Stage.MASKED_INPUT.value
    partial_stages = (Stage.DECRYPTION.value,)
    lengths = (0, 65)
    allowed_bits = (1, 33, 62)

    def tolerated_dropouts(self, num_clients):
        return num_clients - (num_clients // 2 + 1)

    def asked(self, stage):
        return 3 if stage == Stage.DECRYPTION else len(self.clients)


class TestPlain(JointConformance):
    alterations = PairwiseMaskingConformance.alterations

    def protocol(self):
        return with_key_for(self.clients, QualitySum, phi=2**61 + 1)


class TestHardened(JointConformance):
    def tolerated_dropouts(self, num_clients):
        return num_clients - plan_threshold(num_clients)

    def asked(self, stage):
        return 4 if stage == Stage.DECRYPTION else len(self.clients)

    def protocol(self):
        return with_key_for(self.clients, HardenedQualitySum, key_setup="authority")
