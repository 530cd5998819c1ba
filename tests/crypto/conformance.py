"""The suite that every protocol `vectors -> sum` inherits.

A protocol's test module derives from `SecureSumConformance` and says how to make the protocol and
where its upload is; all tests below then run against it.
"""

from abc import ABC, abstractmethod

import numpy as np
import pytest

from crypto.errors import MalformedMessageError, ParameterError, ReplayError, WrongTimeError
from crypto.parties import SERVER
from crypto.session.faults import Alter, Delay, Drop, Duplicate, Fault, Overtake
from crypto.session.secure_sum import SecureSum, SessionAbortedError, SumResult

LENGTH = 37
BITS = 20


class Recorder:
    """A fault that changes nothing and keeps what passed."""

    def __init__(self):
        self.messages = []

    def __call__(self, data):
        self.messages.append(data)
        return data


def random_vectors(clients, length=LENGTH, bits=BITS, seed=0):
    rng = np.random.default_rng(seed)
    return {client: rng.integers(0, 2**bits, length, dtype=np.uint64) for client in clients}


def plain_sum(vectors, survivors, bits=BITS):
    total = np.zeros_like(next(iter(vectors.values())), dtype=np.uint64)
    for client in survivors:
        total += vectors[client].astype(np.uint64)
    return total & np.uint64(2**bits - 1)


def assert_exact(result, vectors, survivors=None, bits=BITS):
    if survivors is not None:
        assert result.survivors == tuple(sorted(survivors))
    assert result.sum.dtype == np.uint64
    np.testing.assert_array_equal(result.sum, plain_sum(vectors, result.survivors, bits))


def flip(position):
    def change(data):
        changed = bytearray(data)
        changed[position % len(data)] ^= 0x10
        return bytes(changed)

    return change


ALTERATIONS = {
    "magic": flip(0),
    "version": flip(2),
    "type": flip(3),
    "session": flip(5),
    "sender": flip(36),
    "early byte": flip(60),
    "middle byte": lambda data: flip(len(data) // 2)(data),
    "last byte": flip(-1),
    "truncated": lambda data: data[:-1],
    "halved": lambda data: data[: len(data) // 2],
    "extended": lambda data: data + b"\0",
    "empty": lambda data: b"",
    "noise": lambda data: bytes(range(256))[: len(data)],
}


class SecureSumConformance(ABC):
    """What every secure sum owes its users."""

    clients = (3, 5, 8, 13, 21, 34)
    victim = 8
    bystander = 13
    alterations = tuple(ALTERATIONS)
    """What is noticed: all, unless the protocol leaves the channel's honesty to others."""

    partial_stages = ()
    """Stages in which only some clients are asked, which a protocol's own tests disturb."""

    # What a protocol with narrower limits may narrow; the tests stay the same.
    length = LENGTH
    bits = BITS
    allowed_bits = (1, 8, 20, 32, 33, 62)
    extreme_bits = (1, 32, 62)
    refused_bits = (-1, 0, 63, 64)
    lengths = (0, 1, 2, 63, 64, 65, 1000)
    long_length = 400

    @abstractmethod
    def protocol(self) -> SecureSum:
        """Return a new protocol with all its protections on."""

    @property
    @abstractmethod
    def upload_stage(self) -> str:
        """The stage after whose end a client is in the sum."""

    @abstractmethod
    def tolerated_dropouts(self, num_clients: int) -> int:
        """How many clients may drop out at any stage."""

    def fatal_dropouts(self, num_clients: int) -> int:
        """How many dropouts at any stage end the session."""
        return self.tolerated_dropouts(num_clients) + 1

    def asked(self, stage):
        """How many clients are asked in a stage before the session ends for want of answers."""
        return len(self.clients)

    def vectors(self, clients=None, length=None, bits=None):
        return random_vectors(
            self.clients if clients is None else clients,
            self.length if length is None else length,
            self.bits if bits is None else bits,
        )

    def assert_exact(self, result, vectors, survivors=None):
        assert_exact(result, vectors, survivors, self.bits)

    def run(self, vectors, **plan) -> SumResult:
        return self.protocol().sum(vectors, self.bits, round_id=1, **plan)

    def expected_survivors(self, dropouts):
        stages = self.protocol().stages
        upload = stages.index(self.upload_stage)
        return [
            client
            for client in self.clients
            if client not in dropouts or stages.index(dropouts[client]) > upload
        ]

    # Sums

    def test_equals_the_plain_sum(self, allowed_bits):
        vectors = self.vectors(bits=allowed_bits)
        result = self.protocol().sum(vectors, allowed_bits, round_id=0)
        assert_exact(result, vectors, self.clients, allowed_bits)
        assert result.refusals == ()

    @pytest.mark.parametrize("num_clients", [3, 4, 7, 12])
    def test_any_number_of_clients(self, num_clients):
        vectors = self.vectors(range(num_clients))
        self.assert_exact(self.run(vectors), vectors, range(num_clients))

    def test_any_length(self, some_length):
        vectors = self.vectors(length=some_length)
        result = self.run(vectors)
        assert result.sum.shape == (some_length,)
        self.assert_exact(result, vectors, self.clients)

    def test_extreme_values_wrap(self, extreme_bits):
        modulus = 2**extreme_bits
        vectors = {c: np.full(self.length, modulus - 1, np.uint64) for c in self.clients}
        result = self.protocol().sum(vectors, extreme_bits, round_id=0)
        expected = len(self.clients) * (modulus - 1) % modulus
        np.testing.assert_array_equal(result.sum, np.full(self.length, expected, np.uint64))

    def test_signed_values_stand_for_their_residues(self):
        modulus = 2**self.bits
        values = (-modulus // 2, -1, 0, 1, modulus - 1)
        vectors = {c: np.array(values, np.int64) for c in self.clients}
        expected = [value * len(self.clients) % modulus for value in values]
        np.testing.assert_array_equal(self.run(vectors).sum, np.array(expected, np.uint64))

    def test_inputs_are_left_alone(self):
        vectors = self.vectors()
        copies = {client: vector.copy() for client, vector in vectors.items()}
        self.run(vectors)
        for client in self.clients:
            np.testing.assert_array_equal(vectors[client], copies[client])

    def test_one_object_serves_many_rounds_cohorts_and_moduli(self):
        protocol = self.protocol()
        cohorts = [self.clients, self.clients[1:], range(1, 5)]
        moduli = self.bits, self.allowed_bits[-1], self.allowed_bits[0]
        for round_id, (clients, bits) in enumerate(zip(cohorts, moduli, strict=True)):
            vectors = random_vectors(clients, self.length, bits, seed=round_id)
            result = protocol.sum(vectors, bits, round_id=round_id)
            assert_exact(result, vectors, clients, bits)

    # Refused at the door

    @pytest.mark.parametrize("num_clients", [0, 1, 2])
    def test_too_few_clients_are_refused(self, num_clients):
        with pytest.raises(ParameterError):
            self.run(self.vectors(range(num_clients)))

    @pytest.mark.parametrize("dtype", [np.uint32, np.int32])
    def test_numbers_of_32_bits_are_what_they_are(self, dtype):
        bits = min(self.bits, 31)
        vectors = {c: v.astype(dtype) for c, v in self.vectors(bits=bits).items()}
        if dtype == np.int32:
            vectors[self.victim] = -(vectors[self.victim] // 2)
        wide = {client: vector.astype(np.int64) for client, vector in vectors.items()}
        assert_exact(self.protocol().sum(vectors, bits, round_id=1), wide, bits=bits)

    def test_unfit_vectors_are_refused(self):
        length, modulus = self.length, 2**self.bits
        for vector in (
            np.zeros(length - 1, np.uint64),
            np.zeros((length, 1), np.uint64),
            np.zeros(length, np.float64),
            np.zeros(length, np.int16),
            np.full(length, modulus, np.uint64),
            np.full(length, -modulus // 2 - 1, np.int64),
        ):
            vectors = self.vectors()
            vectors[self.victim] = vector
            with pytest.raises(ParameterError):
                self.run(vectors)

    def test_impossible_moduli_are_refused(self, refused_bits):
        with pytest.raises(ParameterError):
            self.protocol().sum(self.vectors(bits=1), refused_bits, round_id=1)

    def test_unknown_stages_are_refused(self):
        with pytest.raises(ParameterError):
            self.run(self.vectors(), dropouts={self.victim: "tea break"})

    # Dropouts

    def test_dropouts_up_to_the_bound_at_every_stage(self, stage):
        bound = self.tolerated_dropouts(len(self.clients))
        vectors = self.vectors()
        for count in range(1, bound + 1):
            for gone in (self.clients[:count], self.clients[-count:]):
                dropouts = dict.fromkeys(gone, stage)
                result = self.run(vectors, dropouts=dropouts)
                self.assert_exact(result, vectors, self.expected_survivors(dropouts))

    def test_dropouts_at_different_stages(self):
        stages = self.protocol().stages
        vectors = self.vectors()
        for shift in range(len(stages)):
            gone = self.clients[: self.tolerated_dropouts(len(self.clients))]
            dropouts = {c: stages[(shift + i) % len(stages)] for i, c in enumerate(gone)}
            result = self.run(vectors, dropouts=dropouts)
            self.assert_exact(result, vectors, self.expected_survivors(dropouts))

    def test_below_the_threshold_it_aborts_and_reveals_nothing_more(self, stage):
        gone = self.clients[: self.fatal_dropouts(len(self.clients))]
        with pytest.raises(SessionAbortedError) as caught:
            self.run(self.vectors(), dropouts=dict.fromkeys(gone, stage))
        stages = self.protocol().stages
        later = stages[stages.index(stage) + 1 :]
        assert not [row for row in caught.value.costs.messages if row.stage in later]

    def test_all_gone(self):
        for stage in self.protocol().stages:
            with pytest.raises(SessionAbortedError):
                self.run(self.vectors(), dropouts=dict.fromkeys(self.clients, stage))

    def test_a_dropped_client_returns_in_the_next_round(self):
        protocol, vectors = self.protocol(), self.vectors()
        protocol.sum(vectors, self.bits, round_id=1, dropouts={self.victim: self.upload_stage})
        self.assert_exact(protocol.sum(vectors, self.bits, round_id=2), vectors, self.clients)

    # Faults on the way

    @pytest.mark.parametrize("direction", ["up", "down"])
    def test_altered_messages_are_refused_and_someone_is_named(self, alteration, stage, direction):
        ends = (self.victim, SERVER) if direction == "up" else (SERVER, self.victim)
        fault = Fault(Alter(ALTERATIONS[alteration]), stage, *ends)
        vectors = self.vectors()
        result = self.run(vectors, faults=[fault])
        self.assert_exact(result, vectors)
        assert len(result.survivors) >= len(self.clients) - 1
        assert result.refusals
        # Whom a tampered message blames: its sender, or a party whose words it carried.
        blamed = {refusal.error.culprit for refusal in result.refusals}
        assert None not in blamed
        if direction == "up":
            assert blamed == {self.victim}
        else:
            assert all(refusal.by in (self.victim, SERVER) for refusal in result.refusals)

    @pytest.mark.parametrize("direction", ["up", "down"])
    def test_messages_of_an_earlier_session_are_refused(self, stage, direction):
        vectors = self.vectors()
        ends = (self.victim, SERVER) if direction == "up" else (SERVER, self.victim)
        protocol, recorder = self.protocol(), Recorder()
        protocol.sum(vectors, self.bits, round_id=1, faults=[Fault(Alter(recorder), stage, *ends)])
        replay = Fault(Alter(lambda data: recorder.messages[0]), stage, *ends)
        result = protocol.sum(vectors, self.bits, round_id=2, faults=[replay])
        self.assert_exact(result, vectors)
        assert {refusal.error.culprit for refusal in result.refusals} == {ends[0]}

    def test_messages_of_another_client_are_refused(self, stage):
        vectors, recorder = self.vectors(), Recorder()
        other = self.clients[0]
        faults = [
            Fault(Alter(recorder), stage, other, SERVER),
            Fault(Alter(lambda data: recorder.messages[0]), stage, self.victim, SERVER),
        ]
        result = self.run(vectors, faults=faults)
        self.assert_exact(result, vectors)
        assert {refusal.error.culprit for refusal in result.refusals} == {self.victim}

    @pytest.mark.parametrize("direction", ["up", "down"])
    def test_lost_messages_are_dropouts(self, stage, direction):
        ends = (self.victim, SERVER) if direction == "up" else (SERVER, self.victim)
        vectors = self.vectors()
        result = self.run(vectors, faults=[Fault(Drop(), stage, *ends)])
        self.assert_exact(result, vectors, self.expected_survivors({self.victim: stage}))

    @pytest.mark.parametrize("direction", ["up", "down"])
    def test_duplicates_are_refused_and_do_no_harm(self, stage, direction):
        ends = (self.victim, SERVER) if direction == "up" else (SERVER, self.victim)
        vectors = self.vectors()
        result = self.run(vectors, faults=[Fault(Duplicate(), stage, *ends)])
        self.assert_exact(result, vectors, self.clients)
        assert [type(refusal.error) for refusal in result.refusals] in (
            [ReplayError],
            [WrongTimeError],
        )

    def test_late_messages_are_refused(self, stage):
        stages = self.protocol().stages
        following = stages[(stages.index(stage) + 1) % len(stages)]
        vectors = self.vectors()
        fault = Fault(Delay(following), stage, self.victim, SERVER)
        result = self.run(vectors, faults=[fault])
        self.assert_exact(result, vectors, self.expected_survivors({self.victim: stage}))
        if stage != stages[-1]:  # after the last stage there is nobody left to refuse
            assert WrongTimeError in {type(refusal.error) for refusal in result.refusals}

    def test_late_messages_of_the_server_are_refused(self, stage):
        stages = self.protocol().stages
        for following in stages[stages.index(stage) + 1 :]:
            vectors = self.vectors()
            fault = Fault(Delay(following), stage, SERVER, self.victim)
            result = self.run(vectors, faults=[fault])
            self.assert_exact(result, vectors, self.expected_survivors({self.victim: stage}))
            errors = [refusal.error for refusal in result.refusals if refusal.by == self.victim]
            assert {type(error) for error in errors} <= {WrongTimeError, MalformedMessageError}
            assert {error.culprit for error in errors} <= {SERVER}

    def test_late_messages_of_the_server_to_everyone_abort(self, stage):
        stages = self.protocol().stages
        for following in stages[stages.index(stage) + 1 :]:
            faults = [Fault(Delay(following), stage, SERVER)]
            with pytest.raises(SessionAbortedError):
                self.run(self.vectors(), faults=faults)

    def test_order_does_not_matter(self):
        vectors = self.vectors()
        result = self.run(vectors, faults=[Fault(Overtake())])
        self.assert_exact(result, vectors, self.clients)
        assert result.refusals == ()

    def test_noise_from_everyone_aborts(self):
        for stage in self.protocol().stages:
            faults = [Fault(Alter(lambda data: data[::-1]), stage, receiver=SERVER)]
            with pytest.raises(SessionAbortedError) as caught:
                self.run(self.vectors(), faults=faults)
            assert len(caught.value.refusals) == self.asked(stage)
            assert {type(r.error) for r in caught.value.refusals} == {MalformedMessageError}

    # Costs and secrecy

    def test_bytes_are_the_lengths_of_the_messages(self):
        up, down = Recorder(), Recorder()
        faults = [Fault(Alter(up), receiver=SERVER), Fault(Alter(down))]
        costs = self.run(self.vectors(), faults=faults).costs
        assert costs.bytes_up == sum(map(len, up.messages)) > 0
        assert costs.bytes_down == sum(map(len, down.messages)) > 0
        assert sum(row.count for row in costs.messages) == len(up.messages) + len(down.messages)
        assert sum(row.bytes_up for row in costs.clients) == costs.bytes_up
        assert sum(row.bytes_down for row in costs.clients) == costs.bytes_down
        assert {row.stage for row in costs.messages} == set(self.protocol().stages)

    def test_work_is_timed_apart(self):
        costs = self.run(self.vectors()).costs
        assert costs.client_seconds > 0
        assert costs.server_seconds > 0
        assert sum(row.seconds for row in costs.clients) == pytest.approx(costs.client_seconds)

    def test_messages_of_equal_inputs_differ_between_sessions(self):
        protocol, vectors, recorder = self.protocol(), self.vectors(), Recorder()
        for round_id in range(2):
            fault = Fault(Alter(recorder), self.upload_stage, self.victim, SERVER)
            protocol.sum(vectors, self.bits, round_id=round_id, faults=[fault])
        assert recorder.messages[0] != recorder.messages[1]

    def test_no_message_contains_the_vector(self):
        value = int("abcde" * 4, 16) & (2**self.bits - 1)
        vectors = {c: np.full(self.long_length, value, np.uint64) for c in self.clients}
        recorder = Recorder()
        self.run(vectors, faults=[Fault(Alter(recorder), receiver=SERVER)])
        whole = sum(value << (self.bits * place) for place in range(self.long_length))
        packed = whole.to_bytes((self.bits * self.long_length + 7) // 8, "little")[:10]
        words = 2 * value.to_bytes(8, "little")
        assert len(packed) >= 5
        assert not any(packed in data or words in data for data in recorder.messages)
