"""Four clients, a server and a key holder, driven by hand, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.errors import (
    CapacityError,
    ConsistencyError,
    ForeignMessageError,
    MalformedMessageError,
    ParameterError,
    PolicyError,
    ReplayError,
    SignatureError,
    WrongContentError,
    WrongTimeError,
)
from crypto.primitives.signatures import SIGNATURE_BYTES, SigningIdentity
from crypto.protocols.sparse_sum.client import SparseClient
from crypto.protocols.sparse_sum.key_holder import SparseKeyHolder
from crypto.protocols.sparse_sum.limbs import from_limbs, to_limbs, value_plan
from crypto.protocols.sparse_sum.messages import (
    DecryptedSums,
    SparseInvitation,
    SparseUpload,
    SumsOrder,
    read_places,
    write_places,
)
from crypto.protocols.sparse_sum.overlaps import find_meetings
from crypto.protocols.sparse_sum.server import SparseServer
from crypto.randomness import SYSTEM
from crypto.session.signing import sign_message
from crypto.vector_schemes.exponential_elgamal import ElGamalScheme
from crypto.vector_schemes.scheme import EncryptedVector, VectorPlan
from tests.crypto.protocols.homomorphic_sum.cast import KEPT, SCHEME

CLIENTS, LENGTH, BITS = (0, 1, 2, 3), 12, 20


class Cast:
    def __init__(self):
        self.identities = {c: SigningIdentity.generate() for c in CLIENTS}
        self.registry = {c: i.verify_key for c, i in self.identities.items()}
        self.dealer = SigningIdentity.generate()
        self.holder = SparseKeyHolder(KEPT, self.dealer, self.registry)
        self.invitation = SparseInvitation(
            SYSTEM.bytes(16),
            1,
            CLIENTS,
            LENGTH,
            BITS,
            True,
            self.holder.announcement,
            self.holder.signature,
        )
        self.server = SparseServer(self.invitation, self.holder.public_key, self.registry)
        self.session_id = self.server.session_id
        self.vectors = {c: np.zeros(LENGTH, np.uint64) for c in CLIENTS}
        for client in CLIENTS:
            self.vectors[client][client : client + 3] = 2**20 - 1 - client
        self.plan = value_plan(self.holder.public_key, BITS, len(CLIENTS))

    def set_up(self):
        self.parts = {}
        for client, data in self.server.invite().items():
            member = SparseClient(client, SCHEME, self.identities[client])
            self.parts[client], answer = member.join(data, self.dealer.verify_key)
            self.server.receive(client, answer)
        self.request = next(iter(self.server.request_uploads().values()))
        return self

    def upload(self):
        self.set_up()
        for client in CLIENTS:
            data = self.parts[client].upload(self.request, self.vectors[client])
            self.server.receive(client, data)
        self.order = SumsOrder.from_bytes(self.server.order_decryption())
        return self

    def message(self, client, **changes):
        """A client's honest upload with some fields replaced, signed anew."""
        data = self.parts[client].upload(self.request, self.vectors[client])
        honest = SparseUpload.from_bytes(data[:-SIGNATURE_BYTES])
        changed = SparseUpload(**(vars(honest) | {k: f(honest) for k, f in changes.items()}))
        return sign_message(changed, self.identities[client])

    def changed_order(self, **changes):
        return SumsOrder(**(vars(self.order) | changes)).to_bytes()


def test_by_hand():
    cast = Cast().upload()
    answer = cast.holder.decrypt(cast.order.to_bytes())
    expected = sum(cast.vectors.values()) % 2**BITS
    np.testing.assert_array_equal(cast.server.read_sum(answer), expected)
    with pytest.raises(ReplayError):
        cast.holder.decrypt(cast.order.to_bytes())


def test_weakness_a_value_that_meets_no_other_is_known_to_the_server():
    # What the package says it does not prevent: coordinate 0 is client 0's alone.
    cast = Cast().upload()
    total = cast.server.read_sum(cast.holder.decrypt(cast.order.to_bytes()))
    assert total[0] == cast.vectors[0][0] == 2**20 - 1
    assert cast.server.meetings.lone_share == 2 / 6


def test_the_key_holder_refuses_other_orders():
    cast = Cast().upload()
    order, key = cast.order, cast.holder.public_key
    other_plan = key.encrypt(np.zeros(2, np.uint64), VectorPlan(2, 10, 4))
    first = order.sums[0]
    foreign = EncryptedVector(bytes(32), first.plan, 1, first.ciphertexts)
    junk = EncryptedVector(first.fingerprint, first.plan, 1, bytes(len(first.ciphertexts)))
    for changes, error in (
        ({"sums": (other_plan,)}, ConsistencyError),
        ({"sums": (first, foreign)}, MalformedMessageError),
        ({"sums": (first, junk)}, MalformedMessageError),
        ({"consents": (*order.consents[:3], bytes(64))}, SignatureError),
    ):
        with pytest.raises(error) as caught:
            cast.holder.decrypt(cast.changed_order(**changes))
        assert caught.value.culprit == "server"
    invitation = SparseInvitation(**(vars(cast.invitation) | {"cohort": (0, 1)}))
    with pytest.raises(PolicyError):
        cast.holder.decrypt(cast.changed_order(invitation=invitation, consents=order.consents[:2]))
    cast.holder.decrypt(order.to_bytes())  # refusals have used nothing up


def test_sums_out_of_range_are_refused_and_tell_nothing():
    cast = Cast().upload()
    key, plan = cast.holder.public_key, cast.plan
    wide = VectorPlan(plan.length, plan.value_bits, 9)
    big = key.add([key.encrypt(np.full(plan.length, plan.max_value, np.uint64), wide)] * 9)
    false = EncryptedVector(big.fingerprint, plan, 4, big.ciphertexts)
    with pytest.raises(WrongContentError, match="cannot be told which") as caught:
        cast.holder.decrypt(cast.changed_order(sums=(false,)))
    assert caught.value.culprit is None  # a client may have encrypted it, and not the server


@pytest.mark.parametrize(
    "changes",
    [
        {"places": lambda m: b""},
        {"places": lambda m: m.places + b"\0"},
        {"places": lambda m: write_places(np.arange(3), np.zeros(3, np.int64), 1, 10**6)[:-1]},
        {"places": lambda m: write_places(np.array([LENGTH]), np.zeros(1, np.int64), 1, 10**6)},
        {"values": lambda m: ()},
        {"values": lambda m: m.values * 2},
        {"values": lambda m: (_junk(m.values[0]),)},
        {"values": lambda m: (_foreign(m.values[0]),)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_the_server_refuses_other_uploads(changes):
    cast = Cast().set_up()
    data = cast.message(2, **changes)
    with pytest.raises(MalformedMessageError) as caught:
        cast.server.receive(2, data)
    assert caught.value.culprit == 2


def _junk(value):
    return EncryptedVector(value.fingerprint, value.plan, 1, b"\xff" * len(value.ciphertexts))


def _foreign(value):
    return EncryptedVector(bytes(32), value.plan, 1, value.ciphertexts)


def test_the_server_refuses_sums_and_other_plans_as_values():
    cast = Cast().set_up()
    key = cast.holder.public_key
    both = key.add([key.encrypt(to_limbs(1, cast.plan), cast.plan)] * 2)
    other = key.encrypt(np.zeros(2, np.uint64), VectorPlan(2, 10, 4))
    for client, value in ((1, both), (2, other)):
        data = cast.message(client, values=lambda m, v=value: (v,))
        with pytest.raises(ConsistencyError) as caught:
            cast.server.receive(client, data)
        assert caught.value.culprit == client


def test_answers_of_other_sessions_are_refused():
    cast = Cast().upload()
    answer = DecryptedSums.from_bytes(cast.holder.decrypt(cast.order.to_bytes()))
    for bad in (
        DecryptedSums(bytes(32), answer.data),
        DecryptedSums(answer.session_id, answer.data[:-8]),
    ):
        with pytest.raises(ForeignMessageError):
            cast.server.read_sum(bad.to_bytes())
    with pytest.raises(ForeignMessageError):
        Cast().server.read_sum(answer.to_bytes())


def test_a_client_uploads_once_and_only_what_fits():
    cast = Cast().set_up()
    part = cast.parts[0]
    for bad in (np.zeros(LENGTH + 1, np.uint64), np.full(LENGTH, 2**BITS, np.uint64)):
        with pytest.raises(ParameterError):
            part.upload(cast.request, bad)
    part.upload(cast.request, cast.vectors[0])
    with pytest.raises(WrongTimeError):
        part.upload(cast.request, cast.vectors[0])


def test_negative_values_are_residues():
    cast = Cast().set_up()
    for client in CLIENTS:
        vector = np.zeros(LENGTH, np.int64)
        vector[:3] = -1, 2**BITS - 1, -(2 ** (BITS - 1))
        data = cast.parts[client].upload(cast.request, vector)
        assert len(SparseUpload.from_bytes(data[:-SIGNATURE_BYTES]).values) == 2  # -1 is 2^k - 1
        cast.server.receive(client, data)
    total = cast.server.read_sum(cast.holder.decrypt(cast.server.order_decryption()))
    assert total.tolist() == [2**BITS - 4, 2**BITS - 4] + [0] * (LENGTH - 2)


def test_what_a_client_holds_does_not_print_what_it_signs_with():
    state = Cast().set_up().parts[0]._state
    assert "SigningIdentity" not in repr(state)
    assert "modulus_bits" in repr(state)


def test_invitations_to_impossible_sums_are_refused():
    for changes in ({"value_bits": 0}, {"value_bits": 63}, {"length": 2**32}):
        with pytest.raises(ParameterError):
            SparseInvitation(**(vars(Cast().invitation) | changes))


# Values and meetings


@given(st.integers(1, 62), st.data())
def test_limbs_add_up(modulus_bits, data):
    limbs = data.draw(st.integers(1, modulus_bits))
    plan = VectorPlan(limbs, -(-modulus_bits // limbs), 1)
    values = data.draw(st.lists(st.integers(0, 2**modulus_bits - 1), min_size=1, max_size=5))
    summed = sum(to_limbs(value, plan).astype(np.int64) for value in values)
    expected = sum(values) % 2**modulus_bits
    assert from_limbs(summed, plan, modulus_bits) == expected


def test_a_value_has_the_fewest_limbs_that_fit():
    paillier, elgamal = KEPT.generate().public_key, ElGamalScheme().generate().public_key
    assert value_plan(paillier, 23, 10) == VectorPlan(1, 23, 10)
    assert value_plan(elgamal, 23, 10) == VectorPlan(1, 23, 10)
    assert value_plan(elgamal, 62, 10) == VectorPlan(3, 21, 10)


def test_a_key_that_cannot_even_add_bits_is_refused():
    class Full:
        def check_plan(self, plan):
            raise CapacityError("full")

    with pytest.raises(CapacityError, match="do not fit"):
        value_plan(Full(), 8, 10)


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(0, 30))
def test_meetings_equal_a_slow_search(seed, num_clients, length):
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 3, (num_clients, length)) * rng.integers(0, 2, (num_clients, length))
    positions = [np.flatnonzero(row) for row in table]
    indices = [row[row > 0] - 1 for row in table]
    found = find_meetings(positions, indices)
    expected = {
        at: tuple((c, int(table[c, at]) - 1) for c in range(num_clients) if table[c, at])
        for at in range(length)
        if table[:, at].any()
    }
    assert found.coordinates.tolist() == list(expected)
    assert [found.sums[i] for i in found.sum_at] == list(expected.values())
    assert set(found.sums) == set(expected.values())
    lone = [len(members) == 1 for members in expected.values()]
    assert found.lone_share == (np.mean(lone) if lone else 0)


@given(st.integers(0, 2**32), st.integers(0, 40), st.integers(1, 6))
def test_places_come_back(seed, count, num_values):
    rng = np.random.default_rng(seed)
    positions = np.sort(rng.choice(1000, count, replace=False)).astype(np.int64)
    num_values = min(num_values, count)
    indices = np.concatenate(
        [np.arange(num_values), rng.integers(0, max(1, num_values), count - num_values)]
    ).astype(np.int64)
    data = write_places(positions, indices, num_values, 1000)
    again = read_places(data, num_values, 1000)
    np.testing.assert_array_equal(again[0], positions)
    np.testing.assert_array_equal(again[1], indices)


def test_values_in_another_order_are_refused():
    data = write_places(np.arange(4), np.array([1, 0, 0, 1]), 2, 10)
    with pytest.raises(ValueError, match="first appearance"):
        read_places(data, 2, 10)
    data = write_places(np.arange(4), np.array([0, 0, 0, 0]), 2, 10)
    with pytest.raises(ValueError, match="not all of"):
        read_places(data, 2, 10)
