"""The suite that sums under a key holder's key inherit."""

import numpy as np
import pytest

from crypto.errors import ThresholdError, WrongTimeError
from crypto.parties import SERVER
from crypto.protocols.homomorphic_sum.stages import Stage
from crypto.session.faults import Alter, Delay, Drop, Fault
from crypto.session.secure_sum import SessionAbortedError
from tests.crypto.conformance import ALTERATIONS, Recorder, SecureSumConformance


class KeyedSumConformance(SecureSumConformance):
    """The suite for a protocol that needs every client: what disturbs one ends the session."""

    upload_stage = Stage.UPLOAD.value
    allowed_bits = (1, 8, 20, 32, 33, 59)
    extreme_bits = (1, 32, 59)
    refused_bits = (-1, 0, 60, 62, 63, 64)

    def tolerated_dropouts(self, num_clients):
        return 0

    def aborted(self, vectors=None, **plan):
        with pytest.raises(SessionAbortedError) as caught:
            self.run(self.vectors() if vectors is None else vectors, **plan)
        return caught.value

    def assert_one_is_missing(self, error, stage):
        assert isinstance(error.reason, ThresholdError)
        assert f"'{stage}'" in str(error.reason)
        assert (error.reason.found, error.reason.needed) == (5, 6)

    def ends(self, direction):
        return (self.victim, SERVER) if direction == "up" else (SERVER, self.victim)

    def test_a_single_dropout_ends_the_session_with_that_reason(self, stage):
        for client in (self.victim, self.clients[0], self.clients[-1]):
            self.assert_one_is_missing(self.aborted(dropouts={client: stage}), stage)

    @pytest.mark.parametrize("direction", ["up", "down"])
    def test_altered_messages_are_refused_and_someone_is_named(self, alteration, stage, direction):
        fault = Fault(Alter(ALTERATIONS[alteration]), stage, *self.ends(direction))
        error = self.aborted(faults=[fault])
        self.assert_one_is_missing(error, stage)
        blamed = {refusal.error.culprit for refusal in error.refusals}
        assert blamed
        assert None not in blamed
        if direction == "up":
            assert blamed == {self.victim}
        else:
            assert all(refusal.by in (self.victim, SERVER) for refusal in error.refusals)

    @pytest.mark.parametrize("direction", ["up", "down"])
    def test_messages_of_an_earlier_session_are_refused(self, stage, direction):
        vectors, ends = self.vectors(), self.ends(direction)
        protocol, recorder = self.protocol(), Recorder()
        protocol.sum(vectors, self.bits, round_id=1, faults=[Fault(Alter(recorder), stage, *ends)])
        replay = Fault(Alter(lambda data: recorder.messages[0]), stage, *ends)
        with pytest.raises(SessionAbortedError) as caught:
            protocol.sum(vectors, self.bits, round_id=2, faults=[replay])
        self.assert_one_is_missing(caught.value, stage)
        assert {refusal.error.culprit for refusal in caught.value.refusals} == {ends[0]}

    def test_messages_of_another_client_are_refused(self, stage):
        recorder = Recorder()
        faults = [
            Fault(Alter(recorder), stage, self.clients[0], SERVER),
            Fault(Alter(lambda data: recorder.messages[0]), stage, self.victim, SERVER),
        ]
        error = self.aborted(faults=faults)
        self.assert_one_is_missing(error, stage)
        assert {refusal.error.culprit for refusal in error.refusals} == {self.victim}

    @pytest.mark.parametrize("direction", ["up", "down"])
    def test_lost_messages_are_dropouts(self, stage, direction):
        error = self.aborted(faults=[Fault(Drop(), stage, *self.ends(direction))])
        self.assert_one_is_missing(error, stage)
        assert error.refusals == ()

    def test_late_messages_are_refused(self, stage):
        # The session is over before they arrive, except for those of the same stage.
        other = next(name for name in self.protocol().stages if name != stage)
        error = self.aborted(faults=[Fault(Delay(other), stage, self.victim, SERVER)])
        self.assert_one_is_missing(error, stage)

    def test_late_messages_of_the_server_are_refused(self, stage):
        stages = self.protocol().stages
        for following in stages[stages.index(stage) + 1 :]:
            error = self.aborted(faults=[Fault(Delay(following), stage, SERVER, self.victim)])
            self.assert_one_is_missing(error, stage)

    def test_a_message_that_comes_early_is_refused(self):
        recorder = Recorder()
        protocol, vectors = self.protocol(), self.vectors()
        early = Fault(Alter(recorder), Stage.UPLOAD, self.victim, SERVER)
        protocol.sum(vectors, self.bits, round_id=1, faults=[early])
        swap = Fault(Alter(lambda data: recorder.messages[0]), Stage.KEY_SETUP, self.victim, SERVER)
        error = self.aborted(vectors, faults=[swap])
        assert [type(refusal.error) for refusal in error.refusals] == [WrongTimeError]

    def test_a_dropped_client_returns_in_the_next_round(self):
        protocol, vectors = self.protocol(), self.vectors()
        with pytest.raises(SessionAbortedError):
            protocol.sum(vectors, self.bits, round_id=1, dropouts={self.victim: Stage.UPLOAD})
        new = {client: vectors[client] ^ np.uint64(1) for client in vectors}
        self.assert_exact(protocol.sum(new, self.bits, round_id=2), new, self.clients)
