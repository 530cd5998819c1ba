from pathlib import Path

from tests.crypto.additive_sum.protocol import UPLOAD, AdditiveSum
from tests.crypto.protocols.homomorphic_sum.conformance import KeyedSumConformance


class TestAdditiveSum(KeyedSumConformance):
    upload_stage = UPLOAD
    allowed_bits = (1, 8, 20, 32, 33, 62)
    extreme_bits = (1, 32, 62)
    refused_bits = (-1, 0, 63, 64)

    def protocol(self):
        return AdditiveSum()


def test_a_protocol_is_short():
    assert len(Path(__file__).with_name("protocol.py").read_text().splitlines()) <= 150
