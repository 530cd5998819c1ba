from crypto.pairwise_masking.session import PairwiseMasking
from crypto.pairwise_masking.stages import Stage
from tests.crypto.conformance import ALTERATIONS, SecureSumConformance

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
