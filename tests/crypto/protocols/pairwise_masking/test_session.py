import numpy as np
import pytest

from crypto.parties import SERVER
from crypto.protocols.pairwise_masking.session import PairwiseMasking
from crypto.protocols.pairwise_masking.stages import Stage
from crypto.session.faults import Alter, Fault
from tests.crypto.conformance import (
    ALTERATIONS,
    SecureSumConformance,
    flip,
    plain_sum,
    random_vectors,
)

CONTENT = ("early byte", "middle byte", "last byte")


class PairwiseMaskingConformance(SecureSumConformance):
    upload_stage = Stage.MASKED_INPUT.value
    # Messages carry no signatures: what is not their form can be altered unnoticed.
    alterations = tuple(name for name in ALTERATIONS if name not in CONTENT)

    def tolerated_dropouts(self, num_clients):
        return num_clients - (num_clients // 2 + 1)


class TestKeysFromTheAuthority(PairwiseMaskingConformance):
    def protocol(self):
        return PairwiseMasking()


class TestKeysOfTheClients(PairwiseMaskingConformance):
    def protocol(self):
        return PairwiseMasking(key_setup="dkg")


@pytest.mark.parametrize("stage", [Stage.ADVERTISE_KEYS, Stage.MASKED_INPUT])
def test_altered_content_falsifies_the_sum_unnoticed(stage):
    """Why the channel must be honest: nothing vouches for keys and masked vectors."""
    vectors = random_vectors(range(5), 8, 24)
    fault = Fault(Alter(flip(50)), stage.value, 2, SERVER)
    result = PairwiseMasking(key_setup="dkg").sum(vectors, 24, round_id=1, faults=[fault])
    assert result.survivors == tuple(range(5))
    assert result.refusals == ()
    assert not np.array_equal(result.sum, plain_sum(vectors, range(5), 24))
