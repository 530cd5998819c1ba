from crypto.protocols.masking.session import DoubleMasking
from crypto.protocols.masking.stages import Stage
from crypto.protocols.masking.topology import CompleteGraph, Plan, Topology
from crypto.session.thresholds import plan_threshold
from tests.crypto.conformance import SecureSumConformance


class DoubleMaskingConformance(SecureSumConformance):
    upload_stage = Stage.MASKED_INPUT.value

    def tolerated_dropouts(self, num_clients):
        return num_clients - plan_threshold(num_clients)


class TestCompleteGraph(DoubleMaskingConformance):
    def protocol(self):
        return DoubleMasking()


class SmallRing(Topology):
    """Four neighbours each, without any promise about probabilities."""

    def plan(self, num_clients, *, signed=True):
        if num_clients < 6:
            return CompleteGraph().plan(num_clients, signed=signed)
        survivors = num_clients // 2 + 1
        return Plan(num_clients, 4, 3, survivors, 0, 0.0, 0.0, "small")


class TestRing(DoubleMaskingConformance):
    def protocol(self):
        return DoubleMasking(SmallRing())

    def tolerated_dropouts(self, num_clients):
        return 1

    def fatal_dropouts(self, num_clients):
        return num_clients // 2
