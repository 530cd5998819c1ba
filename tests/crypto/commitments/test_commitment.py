import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.commitments.commitment import Commitment, Opening, check_opening, commit
from crypto.commitments.parameters import LEVELS, CommitmentParameters
from crypto.errors import DecodingError, OpeningError, ParameterError
from crypto.randomness import TestVectorRandomness as Scripted
from tests.crypto.commitments.by_hand import commitment_by_hand, small_parameters


def drawn(parameters, label):
    """What `commit` draws with a scripted source: secret and error."""
    both = parameters.distribution.draw(2 * parameters.level.degree, Scripted(label))
    return np.split(both, 2)


def add(made):
    """Sums of commitments and of openings."""
    total = Commitment.sum_of(commitment for commitment, _ in made)
    return total, Opening(sum(opening.secret for _, opening in made))


def opens(commitment, integers, opening):
    try:
        check_opening(commitment, integers, opening)
    except OpeningError:
        return False
    return True


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 200])
def test_equals_the_formula_by_hand(length):
    parameters = small_parameters(length)
    integers = np.random.default_rng(length).integers(-(2**40), 2**40, length)
    made, opening = commit(integers, parameters, Scripted(b"by hand"))
    secret, error = drawn(parameters, b"by hand")
    np.testing.assert_array_equal(opening.secret, secret)
    np.testing.assert_array_equal(
        made.values, commitment_by_hand(integers, secret, error, parameters.level)
    )


@pytest.mark.parametrize("largest", [2**27, 2**28, 2**52, 2**52 + 1, 2**53 + 1, 2**62])
def test_integers_of_any_size_are_committed_to_exactly(largest):
    """Where the way to their residues changes, and as far as int64 goes."""
    parameters = small_parameters(70)
    integers = np.where(np.arange(70) % 3, largest, -largest)
    integers[5] = largest - 1
    made, _ = commit(integers, parameters, Scripted(b"size"))
    secret, error = drawn(parameters, b"size")
    by_hand = commitment_by_hand(integers, secret, error, parameters.level)
    np.testing.assert_array_equal(made.values, by_hand)


def test_pieces_join_where_they_should():
    """Seventeen polynomials and a bit: a second piece, whose last polynomial is half full."""
    parameters = small_parameters(64 * 17 + 5)
    integers = np.random.default_rng(0).integers(-1000, 1000, parameters.length)
    made, opening = commit(integers, parameters, Scripted(b"pieces"))
    secret, error = drawn(parameters, b"pieces")
    np.testing.assert_array_equal(
        made.values, commitment_by_hand(integers, secret, error, parameters.level)
    )
    check_opening(made, integers, opening)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("clients", [1, 3, 30])
def test_sums_of_the_ends_of_ranges_open_the_sum_of_commitments(level, clients):
    """The largest numbers of either sign add up to exactly what the parameters allow."""
    largest = 2**22 if level is LEVELS[0] else 2**38 if level is LEVELS[1] else 2**61
    each = largest // clients
    length = level.degree + 3
    parameters = CommitmentParameters(level, length, clients * each, (), clients)
    assert parameters.norm_bits <= level.binding_bits
    vectors = [np.where(np.arange(length) % 2, each, -each) for _ in range(clients)]
    total, opening = add([commit(vector, parameters) for vector in vectors])
    check_opening(total, sum(vectors), opening)
    if clients > 1:  # one integer more than allowed, though it is the true sum
        vectors[0] = vectors[0] + np.where(np.arange(length) % 2, 1, -1)
        total, opening = add([commit(vector, parameters) for vector in vectors])
        assert not opens(total, sum(vectors), opening)


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_commitments_add_up(data):
    length, clients = data.draw(st.integers(1, 150)), data.draw(st.integers(1, 5))
    parameters = small_parameters(length, clients * 2**20, (), clients)
    numbers = st.lists(st.integers(-(2**20), 2**20), min_size=length, max_size=length)
    vectors = [np.array(data.draw(numbers), np.int64) for _ in range(clients)]
    total, opening = add([commit(vector, parameters) for vector in vectors])
    check_opening(total, sum(vectors), opening)
    # In any order, and in parts.
    made = [commit(vector, parameters)[0] for vector in vectors]
    parts = Commitment.sum_of([Commitment.sum_of(made[:1]), *made[1:]])
    backwards = Commitment.sum_of(reversed(made))
    np.testing.assert_array_equal(parts.values, backwards.values)


def case(length=150, clients=3):
    parameters = small_parameters(length, extra=(2**30,), clients=clients)
    rng = np.random.default_rng(7)
    vectors = [rng.integers(-(2**18), 2**18, length) for _ in range(clients)]
    return vectors, [
        commit(vector, parameters, Scripted(bytes([i]))) for i, vector in enumerate(vectors)
    ]


@pytest.mark.parametrize("change", [1, -1, 64, 2**18])
def test_every_altered_coordinate_is_found(change):
    vectors, made = case()
    (total, opening), integers = add(made), sum(vectors)
    assert opens(total, integers, opening)
    for place in range(len(integers)):
        altered = integers.copy()
        altered[place] += change
        assert not opens(total, altered, opening), place


def test_every_altered_coordinate_of_the_secret_is_found():
    vectors, made = case()
    total, opening = add(made)
    for place in range(len(opening.secret)):
        secret = opening.secret.copy()
        secret[place] += 1
        assert not opens(total, sum(vectors), Opening(secret)), place


def test_every_dropped_added_or_exchanged_client_is_found():
    vectors, made = case()
    total, opening = add(made)
    for left_out in range(3):
        rest = [i for i in range(3) if i != left_out]
        part, part_opening = add([made[i] for i in rest])
        part_sum = sum(vectors[i] for i in rest)
        assert opens(part, part_sum, part_opening)
        assert not opens(total, part_sum, part_opening)
        assert not opens(part, sum(vectors), opening)
        assert not opens(total, part_sum, opening)
        twice, twice_opening = add([made[i] for i in (rest[0], *rest)])
        assert not opens(twice, sum(vectors), opening)
        assert not opens(total, part_sum + vectors[rest[0]], twice_opening)


def test_every_altered_value_of_the_commitment_is_found():
    vectors, made = case()
    total, opening = add(made)
    for number, values in enumerate(total.values):
        for place in range(len(values)):
            changed = values.copy()
            changed[place] = (int(changed[place]) + 1) % total.parameters.level.primes[number]
            altered = [*total.values[:number], changed, *total.values[number + 1 :]]
            assert not opens(Commitment(total.parameters, tuple(altered)), sum(vectors), opening)


def test_numbers_equal_modulo_q_or_a_prime_do_not_open():
    vectors, made = case()
    total, opening = add(made)
    for modulus in (*total.parameters.level.primes, total.parameters.level.modulus):
        altered = sum(vectors)
        altered[3] += modulus
        assert not opens(total, altered, opening)
        wide = CommitmentParameters(total.parameters.level, 150, 2**50, (2**50,), 3)
        still = opens(Commitment(wide, total.values), altered, opening)
        assert still == (modulus == total.parameters.level.modulus)  # why the range is checked


def test_numbers_at_the_end_have_ranges_of_their_own():
    parameters = small_parameters(5, largest=10, extra=(2**40, 3))
    numbers = np.array([10, -10, 0, 2**40, -3])
    made, opening = commit(numbers, parameters)
    check_opening(made, numbers, opening)
    for place, change in ((0, 1), (1, -1), (3, 1), (4, -1)):
        larger = numbers.copy()
        larger[place] += change
        other, other_opening = commit(larger, parameters)
        assert not opens(other, larger, other_opening)


def test_an_error_or_secret_that_is_not_small_opens_nothing():
    parameters = small_parameters(64)
    zeros = np.zeros(64, np.int64)
    made, opening = commit(zeros, parameters)
    limit = parameters.largest_hiding
    secret, error = drawn(parameters, b"error")
    for place in (0, 63):
        for size, accepted in (
            (limit, True),
            (-limit, True),
            (limit + 1, False),
            (-limit - 1, False),
        ):
            error[place] = size
            values = commitment_by_hand(zeros, secret, error, parameters.level)
            by_hand = Commitment(parameters, tuple(np.array(v, np.uint32) for v in values))
            assert opens(by_hand, zeros, Opening(secret)) == accepted
        error[place] = 0
    secret = opening.secret.copy()
    secret[0] = limit + 1
    assert not opens(made, zeros, Opening(secret))


def test_bytes_come_back_and_only_one_form_is_read():
    parameters = small_parameters(10)
    made, _ = commit(np.arange(10), parameters)
    data = made.to_bytes()
    assert len(data) == parameters.level.commitment_bytes
    assert Commitment.from_bytes(data, parameters).to_bytes() == data
    for wrong in (data[:-1], data + b"\0", b""):
        with pytest.raises(DecodingError, match="bytes"):
            Commitment.from_bytes(wrong, parameters)
        with pytest.raises(DecodingError, match="bytes"):
            Commitment.sum_of_encoded([data, wrong], parameters)
    first, second = parameters.level.primes
    values = [np.zeros(64, np.uint32) for _ in range(2)]
    for number, prime in enumerate((first, second)):
        values[number][7] = prime
        bad = Commitment(parameters, tuple(values)).to_bytes()
        with pytest.raises(DecodingError, match=f"beyond {prime - 1}"):
            Commitment.from_bytes(bad, parameters)
        with pytest.raises(DecodingError, match=f"beyond {prime - 1}"):
            Commitment.sum_of_encoded([data, bad], parameters)
        values[number][7] = prime - 1
        assert Commitment.from_bytes(Commitment(parameters, tuple(values)).to_bytes(), parameters)


def test_refuses_sums_of_none_too_many_or_others():
    parameters = small_parameters(3)
    made = [commit(np.zeros(3, np.int64), parameters)[0] for _ in range(4)]
    other = commit(np.zeros(4, np.int64), small_parameters(4))[0]
    for added, words in (
        ([], "no commitments"),
        (made, "4 commitments"),
        ([made[0], other], "different"),
    ):
        with pytest.raises(ParameterError, match=words):
            Commitment.sum_of(added)


WRONG_FORMS = {
    "longer": np.zeros(4, np.int64),
    "a matrix": np.zeros((1, 3), np.int64),
    "doubles": np.zeros(3),
    "unsigned": np.zeros(3, np.uint64),
    "a list": [0, 0, 0],
}


@pytest.mark.parametrize("form", WRONG_FORMS)
def test_refuses_integers_of_another_form(form):
    parameters = small_parameters(3)
    made, opening = commit(np.zeros(3, np.int64), parameters)
    with pytest.raises(ParameterError, match=r"int64|shape"):
        commit(WRONG_FORMS[form], parameters)
    with pytest.raises(ParameterError, match=r"int64|shape"):
        check_opening(made, WRONG_FORMS[form], opening)


def test_sums_are_taken_modulo_each_prime_coordinate_by_coordinate():
    parameters = small_parameters(3)
    primes = parameters.level.primes
    rng = np.random.default_rng(3)
    rows = [[rng.integers(0, p, 64).astype(np.uint32) for p in primes] for _ in range(3)]
    rows[0][0][:2] = rows[1][0][:2] = primes[0] - 1
    total = Commitment.sum_of(Commitment(parameters, tuple(row)) for row in rows)
    for place, prime in enumerate(primes):
        expected = [sum(int(row[place][i]) for row in rows) % prime for i in range(64)]
        assert total.values[place].tolist() == expected


def test_the_secret_is_in_no_repr():
    _, opening = commit(np.zeros(3, np.int64), small_parameters(3))
    assert repr(opening) == "Opening()"
