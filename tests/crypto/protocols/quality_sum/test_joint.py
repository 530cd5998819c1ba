"""What a joint sum keeps from one session to the next: the system key, and a table that grows."""

import pytest

from crypto.protocols.quality_sum.session import HardenedQualitySum, QualitySum
from crypto.protocols.quality_sum.stages import Stage
from tests.crypto.conformance import random_vectors

COHORT = (1, 2, 3)


@pytest.mark.parametrize("kind", [QualitySum, HardenedQualitySum])
def test_a_key_is_paid_for_once_and_sums_may_grow(kind):
    protocol = kind(key_setup="authority")
    for round_id, largest in enumerate([3, 300, 20]):
        qualities = {1: 0, 2: largest, 3: largest}
        vectors = random_vectors(COHORT, 2, 16)
        result = protocol.sum(vectors, qualities, 16, max_quality=largest, round_id=round_id)
        assert result.quality_sum == 2 * largest
        for costs in (result.costs.messages, result.costs.work):
            set_up = [row for row in costs if row.stage == Stage.KEY_SETUP]
            assert bool(set_up) == (round_id == 0)
