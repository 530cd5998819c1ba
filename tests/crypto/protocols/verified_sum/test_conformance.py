"""Verified sums are secure sums like any other, of integers that cannot wrap."""

from dataclasses import replace

import numpy as np
import pytest

from crypto.encoding.residues import centred, check_vectors
from crypto.errors import MalformedMessageError
from crypto.parties import SERVER
from crypto.protocols.masking.stages import Stage as MaskStage
from crypto.protocols.verified_sum.masking import VerifiedDoubleMasking, VerifiedPairwiseMasking
from crypto.protocols.verified_sum.stages import Stage
from crypto.session.faults import Alter, Fault
from crypto.session.secure_sum import SecureSum, SessionAbortedError
from crypto.session.thresholds import plan_threshold
from tests.crypto.conformance import SecureSumConformance
from tests.crypto.protocols.masking.test_session import SmallRing
from tests.crypto.protocols.pairwise_masking.test_session import PairwiseMaskingConformance


class Widened(SecureSum):
    """Sums residues by a verified sum of so many bits that integers do not wrap, and reduces it."""

    def __init__(self, verified):
        self._verified = verified
        self.stages, self.opens_at = verified.stages, verified.opens_at

    def sum(self, vectors, modulus_bits, **plan):
        if not vectors or not 1 <= modulus_bits <= 62:
            return self._verified.sum(vectors, modulus_bits, **plan)
        check_vectors(vectors, modulus_bits)
        mask = np.uint64((1 << modulus_bits) - 1)
        wide = max(20, modulus_bits + len(vectors).bit_length())
        integers = {
            c: centred(v.astype(np.uint64) & mask, modulus_bits) for c, v in vectors.items()
        }
        result = self._verified.sum(integers, wide, **plan)
        return replace(result, sum=result.sum & mask)


class VerifiedConformance(SecureSumConformance):
    upload_stage = MaskStage.MASKED_INPUT.value
    allowed_bits = (1, 20, 33, 57)
    extreme_bits = (1, 57)
    lengths = (0, 1, 65)

    def kind(self):
        raise NotImplementedError

    def protocol(self):
        return Widened(self.kind())

    def tolerated_dropouts(self, num_clients):
        return num_clients - plan_threshold(num_clients)

    def test_below_the_threshold_it_aborts_and_reveals_nothing_more(self, stage):
        if stage != Stage.VERIFICATION:
            super().test_below_the_threshold_it_aborts_and_reveals_nothing_more(stage)

    def test_all_gone(self):
        vectors = self.vectors()
        for stage in self.protocol().stages[:-1]:
            with pytest.raises(SessionAbortedError):
                self.run(vectors, dropouts=dict.fromkeys(self.clients, stage))
        gone = dict.fromkeys(self.clients, Stage.VERIFICATION.value)
        result = self.run(vectors, dropouts=gone)  # the sum is there, and nobody has checked it
        self.assert_exact(result, vectors, self.clients)
        assert result.verification.receipts == ()

    def test_noise_from_everyone_aborts(self):
        for stage in self.protocol().stages:
            noise = Fault(Alter(lambda data: data[::-1]), stage, receiver=SERVER)
            try:
                refusals = self.run(self.vectors(), faults=[noise]).refusals
                assert stage == Stage.VERIFICATION
            except SessionAbortedError as error:
                refusals = error.refusals
                assert stage != Stage.VERIFICATION
            assert len(refusals) == len(self.clients)
            assert {type(refusal.error) for refusal in refusals} == {MalformedMessageError}

    def test_every_survivor_that_is_there_signs_that_the_sum_is_right(self):
        dropouts = {self.victim: Stage.VERIFICATION.value, self.bystander: self.upload_stage}
        result = self.run(self.vectors(), dropouts=dropouts)
        there = set(self.clients) - {*dropouts}
        assert set(result.verification.receipts) == there
        assert set(result.survivors) == there | {self.victim}


class TestDoubleMasking(VerifiedConformance):
    def kind(self):
        return VerifiedDoubleMasking()


class UnsignedConformance(VerifiedConformance):
    alterations = PairwiseMaskingConformance.alterations

    def tolerated_dropouts(self, num_clients):
        return num_clients - plan_threshold(num_clients, signed=False)


class TestRing(VerifiedConformance):
    def kind(self):
        return VerifiedDoubleMasking(SmallRing())

    def tolerated_dropouts(self, num_clients):
        return 1

    def fatal_dropouts(self, num_clients):
        return num_clients // 2


class TestPairwiseMasking(UnsignedConformance):
    def kind(self):
        return VerifiedPairwiseMasking()
