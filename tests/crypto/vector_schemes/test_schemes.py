"""What every scheme for vectors owes its users; each scheme is a class that inherits it."""

import sys
from abc import ABC, abstractmethod
from functools import cache

import numpy as np
import pytest

from crypto.errors import CapacityError, DecodingError, MalformedMessageError, ParameterError
from crypto.groups.secp256k1 import SECP256K1
from crypto.vector_schemes.bfv import BfvKey, BfvScheme
from crypto.vector_schemes.catalogue import NAMES, scheme_named
from crypto.vector_schemes.ckks import CkksKey, CkksScheme
from crypto.vector_schemes.exponential_elgamal import ElGamalScheme
from crypto.vector_schemes.packed_paillier import PackedPaillierScheme
from crypto.vector_schemes.scheme import EncryptedVector, VectorPlan
from crypto.vector_schemes.seal import SealKey
from crypto.vector_schemes.single_paillier import SinglePaillierScheme

TINY = 512


@cache
def keys_of(make, number):
    """Return a scheme, a private key and the public key as a client reads it."""
    scheme = make()
    private = scheme.generate()
    return scheme, private, scheme.read_key(private.public_key.to_bytes())


def vectors_of(plan, count, seed=0):
    rng = np.random.default_rng(seed)
    return [
        rng.integers(0, plan.max_value, plan.length, np.uint64, endpoint=True) for _ in range(count)
    ]


def changed(vector, **changes):
    return EncryptedVector(**(vars(vector) | changes))


class SchemeConformance(ABC):
    plan = VectorPlan(7, 12, 5)
    lengths = (0, 1, 2, 30)
    has_exact_length = True

    @staticmethod
    @abstractmethod
    def make():
        """Return the scheme."""

    @abstractmethod
    def too_large(self):
        """Return a plan that is just beyond what the scheme holds."""

    @abstractmethod
    def no_ciphertexts(self, private, data):
        """Return changed ciphertexts of the right length that must be refused."""

    def keys(self, number=0):
        return keys_of(type(self).make, number)

    @pytest.fixture
    def private(self):
        return self.keys()[1]

    @pytest.fixture
    def public(self):
        return self.keys()[2]

    def test_sums_are_sums(self, private, public):
        for count in (1, 2, 5):
            vectors = vectors_of(self.plan, count, count)
            total = public.add([public.encrypt(vector, self.plan) for vector in vectors])
            decrypted = private.decrypt(total)
            assert decrypted.dtype == np.int64
            np.testing.assert_array_equal(decrypted, sum(vectors))

    def test_any_length(self, private, public):
        for length in self.lengths:
            plan = VectorPlan(length, 12, 3)
            vectors = vectors_of(plan, 3)
            total = public.add([public.encrypt(vector, plan) for vector in vectors])
            np.testing.assert_array_equal(private.decrypt(total), sum(vectors))

    def test_extreme_values(self, private, public):
        for value in (0, self.plan.max_value):
            vector = np.full(self.plan.length, value, np.int64)
            total = public.add([public.encrypt(vector, self.plan)] * self.plan.max_addends)
            assert set(private.decrypt(total)) == {value * self.plan.max_addends}

    def test_lengths_are_as_planned(self, public):
        (vector,) = vectors_of(self.plan, 1)
        size = len(public.encrypt(vector, self.plan).ciphertexts)
        assert size <= public.plan_bytes(self.plan)
        assert size == public.plan_bytes(self.plan) or not self.has_exact_length

    def test_equal_vectors_have_different_ciphertexts(self, public):
        (vector,) = vectors_of(self.plan, 1)
        assert len({public.encrypt(vector, self.plan).ciphertexts for _ in range(5)}) == 5

    def test_sums_of_sums_count_their_addends(self, private, public):
        vectors = vectors_of(self.plan, 5)
        encrypted = [public.encrypt(vector, self.plan) for vector in vectors]
        total = public.add([public.add(encrypted[:2]), public.add(encrypted[2:])])
        assert total.addends == 5
        np.testing.assert_array_equal(private.decrypt(total), sum(vectors))
        with pytest.raises(CapacityError):
            public.add([total, encrypted[0]])

    def test_what_does_not_fit_is_refused_before_the_session(self, public):
        plan = self.too_large()
        with pytest.raises(CapacityError):
            public.check_plan(plan)
        with pytest.raises(CapacityError):
            public.encrypt(np.zeros(plan.length, np.uint64), plan)

    def test_the_largest_sum_is_as_said(self, private, public):
        bits = (self.keys()[0].max_sum + 1).bit_length() - 1
        plan = VectorPlan(1, bits, 1)
        vector = np.array([plan.max_value], np.uint64)
        assert private.decrypt(public.encrypt(vector, plan))[0] == plan.max_value
        with pytest.raises(ParameterError):
            public.check_plan(VectorPlan(1, bits + 1, 1))

    def test_unfit_vectors_are_refused(self, public):
        for vector in (
            np.zeros(self.plan.length + 1, np.uint64),
            np.zeros(self.plan.length, np.float64),
            np.full(self.plan.length, -1, np.int64),
            np.full(self.plan.length, self.plan.max_value + 1, np.uint64),
        ):
            with pytest.raises(ParameterError):
                public.encrypt(vector, self.plan)

    def test_sums_need_vectors_of_one_plan(self, public):
        (vector,) = vectors_of(self.plan, 1)
        other = VectorPlan(self.plan.length, 12, 4)
        for vectors in (
            [],
            [public.encrypt(vector, self.plan), public.encrypt(vector, other)],
        ):
            with pytest.raises(ParameterError):
                public.add(vectors)

    def test_other_keys_are_refused(self, private, public):
        _, other_private, other = self.keys(1)
        (vector,) = vectors_of(self.plan, 1)
        own, foreign = public.encrypt(vector, self.plan), other.encrypt(vector, self.plan)
        for refused in (
            lambda: public.add([own, foreign]),
            lambda: public.check(foreign),
            lambda: private.decrypt(foreign),
            lambda: other_private.decrypt(own),
        ):
            with pytest.raises(DecodingError, match="another key"):
                refused()

    def test_a_sum_under_a_false_label_does_not_decrypt(self, private):
        _, _, other = self.keys(1)
        (vector,) = vectors_of(self.plan, 1)
        foreign = other.encrypt(vector, self.plan)
        with pytest.raises(DecodingError):
            private.decrypt(changed(foreign, fingerprint=private.public_key.fingerprint))

    def test_malformed_ciphertexts_are_refused(self, private, public):
        (vector,) = vectors_of(self.plan, 1)
        good = public.encrypt(vector, self.plan)
        data = good.ciphertexts
        for wrong in (b"", data[:-1], data + b"\0", *self.no_ciphertexts(private, data)):
            bad = changed(good, ciphertexts=wrong)
            for refused in (
                lambda bad=bad: public.check(bad),
                lambda bad=bad: public.add([good, bad]),
                lambda bad=bad: private.decrypt(bad),
            ):
                with pytest.raises(DecodingError):
                    refused()

    def test_more_addends_than_said_are_noticed(self, private, public):
        vector = np.full(self.plan.length, self.plan.max_value, np.int64)
        total = public.add([public.encrypt(vector, self.plan)] * 3)
        with pytest.raises(DecodingError):
            private.decrypt(changed(total, addends=2))

    def test_false_keys_are_refused(self, public):
        scheme, data = self.keys()[0], public.to_bytes()
        assert scheme.read_key(data).fingerprint == public.fingerprint
        for wrong in (b"", data[:-1], data[: len(data) // 2], bytes(len(data))):
            with pytest.raises(DecodingError):
                scheme.read_key(wrong)

    def test_secrets_do_not_print(self, private):
        assert len(repr(private)) < 2000
        for value in vars(private).values():
            if isinstance(value, int):
                assert str(value) not in repr(private)

    def test_messages_round_trip(self, public):
        (vector,) = vectors_of(self.plan, 1)
        message = public.encrypt(vector, self.plan)
        assert EncryptedVector.from_bytes(message.to_bytes()) == message


class PaillierFaults:
    def no_ciphertexts(self, private, data):
        key = private.public_key.key
        size = key.ciphertext_bytes
        for number in (0, key.n, key.n**2, 2 ** (8 * size) - 1):
            yield number.to_bytes(size, "little") + data[size:]


class TestPackedPaillier(PaillierFaults, SchemeConformance):
    @staticmethod
    def make():
        return PackedPaillierScheme(TINY)

    def too_large(self):
        # Sums below 2^62, in slots of 31 + 32 bits.
        return VectorPlan(1, 31, 2**31 + 1)

    def test_key_lengths_have_their_strengths(self):
        strengths = [(b, PackedPaillierScheme(b).security_bits) for b in (512, 2048, 3072)]
        assert strengths == [(512, 0), (2048, 112), (3072, 128)]

    def test_keys_of_another_length_are_refused(self, public):
        with pytest.raises(DecodingError):
            PackedPaillierScheme(2048).read_key(public.to_bytes())

    def test_the_table_is_made_once_a_key(self, public):
        (vector,) = vectors_of(self.plan, 1)
        public.encrypt(vector, self.plan)
        table = public._encryptor.table
        public.encrypt(vector, self.plan)
        assert public._encryptor.table is table


class TestSinglePaillier(PaillierFaults, SchemeConformance):
    @staticmethod
    def make():
        return SinglePaillierScheme(TINY)

    def too_large(self):
        return VectorPlan(3, 62, 1)

    def test_what_does_not_fit_is_refused_before_the_session(self):
        while True:  # n is random, and a third of it may hold the plan that is too large
            _, _, small = keys_of(lambda: SinglePaillierScheme(64), 0)
            if small.key.n < 3 * 2**62:
                break
            keys_of.cache_clear()
        small.check_plan(VectorPlan(3, 60, 1))
        with pytest.raises(CapacityError):
            small.check_plan(self.too_large())


class TestElGamal(SchemeConformance):
    lengths = (0, 1, 5)

    @staticmethod
    def make():
        return ElGamalScheme()

    def too_large(self):
        return VectorPlan(3, 30, 5)

    def no_ciphertexts(self, private, data):
        yield b"\5" + data[1:]
        yield b"\xff" * len(data)
        yield b"\2" + (5).to_bytes(32, "big") + data[33:]  # no point has x = 5

    def test_the_identity_is_no_key(self):
        with pytest.raises(DecodingError):
            ElGamalScheme().read_key(SECP256K1.encode(SECP256K1.identity))


class SealConformance(SchemeConformance):
    key: type[SealKey]
    has_exact_length = False

    @pytest.fixture(autouse=True)
    def _installed(self):
        pytest.importorskip("tenseal")

    def no_ciphertexts(self, private, data):
        yield bytes(len(data))
        yield data[:4] + b"\xff" * 4 + data[8:]
        yield data[:200] + bytes(len(data) - 200)

    def test_limits_are_exact(self, private, public):
        slots, most = self.key.SLOTS, self.key.MAX_ADDENDS
        widest = (self.key.MAX_SUM // 32 + 1).bit_length() - 1
        for plan in (VectorPlan(slots, widest, 32), VectorPlan(slots, 16, most)):
            assert plan.max_sum <= self.key.MAX_SUM < 2 * plan.max_sum + 1000
            vector = np.full(plan.length, plan.max_value, np.int64)
            total = public.add([public.encrypt(vector, plan) for _ in range(plan.max_addends)])
            assert set(private.decrypt(total)) == {plan.max_sum}
        with pytest.raises(CapacityError):
            public.check_plan(VectorPlan(slots, 10, most + 1))

    def test_secret_keys_are_not_read_as_public_ones(self, private):
        with pytest.raises(DecodingError):
            self.make().read_key(private.context.serialize(save_secret_key=True))

    def test_public_keys_hold_no_secret(self, private):
        assert not private.public_key.context.has_secret_key()

    def test_keys_of_other_parameters_are_refused(self):
        import tenseal

        for context in self.other_contexts(tenseal):
            data = context.serialize(save_secret_key=False)
            with pytest.raises(DecodingError, match="other parameters"):
                self.make().read_key(data)


class TestCkks(SealConformance):
    key = CkksKey
    plan = VectorPlan(key.SLOTS + 7, 12, 5)
    lengths = (0, 1, key.SLOTS - 1, key.SLOTS, key.SLOTS + 1, 3 * key.SLOTS)

    @staticmethod
    def make():
        return CkksScheme()

    @staticmethod
    def other_contexts(tenseal):
        yield tenseal.context(tenseal.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[54, 54])
        other_scale = CkksKey.new_context(tenseal)
        other_scale.global_scale = 2.0**25
        yield other_scale
        yield BfvKey.new_context(tenseal)

    def too_large(self):
        return VectorPlan(3, 20, 33)

    def test_errors_stay_far_from_a_half(self, private, public):
        plan = VectorPlan(CkksKey.SLOTS, 16, CkksKey.MAX_ADDENDS)
        vectors = vectors_of(plan, plan.max_addends)
        total = public.add([public.encrypt(vector, plan) for vector in vectors])
        (chunk,) = public.read(total.ciphertexts, plan, private.context)
        values = np.array(chunk.decrypt())
        error = np.abs(values - np.rint(values)).max()
        assert 1e-6 < error < 1 / 64


class TestBfv(SealConformance):
    key = BfvKey
    plan = VectorPlan(key.SLOTS + 7, 12, 5)
    lengths = (0, 1, key.SLOTS - 1, key.SLOTS, key.SLOTS + 1, 3 * key.SLOTS)

    @staticmethod
    def make():
        return BfvScheme()

    @staticmethod
    def other_contexts(tenseal):
        yield tenseal.context(tenseal.SCHEME_TYPE.BFV, 4096, 1_032_193, [54, 54])
        yield CkksKey.new_context(tenseal)

    def too_large(self):
        return VectorPlan(3, 22, 16)

    def test_values_around_the_middle_of_the_modulus_are_no_negative_ones(self, private, public):
        plan = VectorPlan(4, 25, 1)
        vector = np.array([0, BfvKey.MAX_SUM // 2, BfvKey.MAX_SUM // 2 + 1, 2**25 - 1], np.int64)
        np.testing.assert_array_equal(private.decrypt(public.encrypt(vector, plan)), vector)


@pytest.mark.parametrize("name", ["ckks", "bfv"])
def test_without_tenseal_the_error_says_what_to_install(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "tenseal", None)
    with pytest.raises(ParameterError, match="pip install tenseal"):
        scheme_named(name)


def test_the_catalogue_has_all_schemes_at_full_strength():
    for name in NAMES[:-2]:
        assert scheme_named(name).security_bits >= 112
    with pytest.raises(ParameterError):
        scheme_named("rot13")


def test_plans_state_their_limits():
    assert VectorPlan(3, 20, 10).max_sum == 10 * (2**20 - 1)
    assert VectorPlan(3, 59, 8).max_sum < 2**62
    for arguments in ((-1, 1, 1), (2**32, 1, 1), (1, 0, 1), (1, 63, 1), (1, 1, 0), (1, 1, 2**32)):
        with pytest.raises(ParameterError):
            VectorPlan(*arguments)
    with pytest.raises(CapacityError):
        VectorPlan(1, 59, 9)


def test_messages_are_read_strictly():
    message = EncryptedVector(bytes(range(32)), VectorPlan(5, 20, 3), 2, b"ciphertexts")
    data = message.to_bytes()
    assert data[3] == 97
    assert EncryptedVector.from_bytes(data) == message
    for wrong in (*(data[:end] for end in range(len(data))), data + b"\0", b"\0" + data):
        with pytest.raises(MalformedMessageError):
            EncryptedVector.from_bytes(wrong)
    for position in range(len(data)):
        for flip in (1, 0x80, 0xFF):
            other = data[:position] + bytes([data[position] ^ flip]) + data[position + 1 :]
            try:
                read = EncryptedVector.from_bytes(other)
            except MalformedMessageError:
                continue
            assert read != message
            assert read.to_bytes() == other
    for addends in (0, 4):
        with pytest.raises(CapacityError):
            changed(message, addends=addends)
    with pytest.raises(ParameterError):
        changed(message, fingerprint=b"")
