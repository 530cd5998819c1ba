"""Norm proofs: that true claims pass, and false ones do not."""

from dataclasses import replace
from math import prod
from unittest import mock

import numpy as np
import pytest

from crypto.commitments.commitment import Commitment, commit
from crypto.errors import DecodingError, OpeningError, ParameterError, ProofError
from crypto.norm_proofs import prover
from crypto.norm_proofs.four_squares import four_squares
from crypto.norm_proofs.layout import Layout, norm_squared
from crypto.norm_proofs.parameters import QUERIES, SUMS, NormParameters
from crypto.norm_proofs.projection import Projection
from crypto.norm_proofs.proof import NormProof
from crypto.norm_proofs.prover import prove_norm
from tests.crypto.norm_proofs.cast import (
    BOUND,
    BOUNDED,
    BY_QUALITY,
    CLIENTS,
    CONTEXT,
    FREE,
    LARGEST,
    MAX_QUALITY,
    PLAIN,
    cheat,
    parts,
    proven,
    vector,
    verify,
)


def at_the_bound():
    """A vector whose norm is the bound, to the last integer."""
    given = vector()
    given[FREE:] = 0
    given[FREE : FREE + 2] = BOUND * 3 // 5, BOUND * 4 // 5
    return given


def beyond(given):
    """One step beyond the bound."""
    found = given.copy()
    found[FREE + 5] += 1
    assert BOUND**2 < norm_squared(found[FREE : FREE + BOUNDED]) <= BOUND**2 + 1
    return found


# True claims


@pytest.mark.parametrize("given", [vector(), vector(0), vector(BOUND / 2), at_the_bound()])
def test_who_keeps_to_the_bound_can_prove_it(given):
    commitment, proof = proven(given=given)
    verify(commitment, proof)
    data = proof.to_bytes(PLAIN)
    again = NormProof.from_bytes(data, PLAIN)
    assert again.to_bytes(PLAIN) == data
    verify(commitment, again)


@pytest.mark.parametrize(
    ("norm", "quality"), [(0, 0), (BOUND, 1), (BOUND * MAX_QUALITY, MAX_QUALITY), (7 * BOUND, 7)]
)
def test_a_bound_times_a_quality(norm, quality):
    commitment, proof = proven(BY_QUALITY, vector(norm, quality))
    verify(commitment, proof, BY_QUALITY)


@pytest.mark.parametrize("length", [1, 1893, 1894, 1895, 1899, 6000])
def test_vectors_that_fill_rows_or_not(length):
    parameters = NormParameters.choose(length, LARGEST, CLIENTS, bounded=length, bound=10**6)
    given = np.random.default_rng(0).integers(-100, 100, length)
    commitment, proof = proven(parameters, given)
    verify(commitment, proof, parameters)


@pytest.mark.parametrize(("largest", "primes"), [(2**20, 3), (2**30, 4), (2**46, 5)])
def test_every_level_and_number_of_primes(largest, primes):
    free = {"bounded": BOUNDED, "bound": largest}
    parameters = NormParameters.choose(FREE + BOUNDED, largest, CLIENTS, **free)
    assert parameters.level.degree == (4096 if largest > 2**45 else 2048)
    assert len(parameters.primes) == primes
    commitment, proof = proven(parameters, vector(parameters.bound))
    verify(commitment, proof, parameters)


def test_a_prover_begins_anew_if_no_masks_suit():
    integers, commitment, opening = parts()
    drawn = []

    def once_too_large(parameters, randomness):
        masks = original(parameters, randomness)
        drawn.append(masks)
        return masks if len(drawn) > 1 else np.full_like(masks, parameters.largest_mask)

    original = prover._masks
    with mock.patch.object(prover, "_masks", once_too_large):
        proof = prove_norm(integers, opening, commitment, PLAIN, CONTEXT)
    verify(commitment, proof)
    assert len(drawn) > 1


# What provers are refused


def test_a_norm_beyond_the_bound_is_not_proven():
    given = beyond(at_the_bound())
    integers, commitment, opening = parts(given=given)
    with pytest.raises(ParameterError, match=r"a norm of 1000.0, above the bound 1000"):
        prove_norm(integers, opening, commitment, PLAIN, CONTEXT)


@pytest.mark.parametrize("quality", [-1, MAX_QUALITY + 1])
def test_a_quality_beyond_its_range_is_not_proven(quality):
    integers, commitment, opening = parts(BY_QUALITY, vector(0, quality))
    with pytest.raises(ParameterError, match="a quality of"):
        prove_norm(integers, opening, commitment, BY_QUALITY, CONTEXT)


def test_other_numbers_beyond_their_range_are_not_proven():
    given = vector()
    given[0] = -PLAIN.free_largest
    verify(*proven(given=given))
    given[0] -= 1
    integers, commitment, opening = parts(given=given)
    with pytest.raises(ParameterError, match="beside the bounded"):
        prove_norm(integers, opening, commitment, PLAIN, CONTEXT)
    with pytest.raises(ParameterError, match="shape"):
        prove_norm(integers[1:], opening, commitment, PLAIN, CONTEXT)


def test_what_the_commitment_does_not_hold_is_not_proven():
    integers, commitment, opening = parts()
    other = integers.copy()
    other[-1] = 0
    with pytest.raises(OpeningError):
        prove_norm(other, opening, commitment, PLAIN, CONTEXT)


# False claims


def refuse(commitment, proof, parameters=PLAIN, context=CONTEXT, match=None):
    with pytest.raises(ProofError, match=match):
        verify(commitment, proof, parameters, context)


@pytest.mark.parametrize("times", [1.01, 2, 100])
def test_a_vector_beyond_the_bound_has_no_proof(times):
    refuse(*cheat(vector(BOUND * times)), match="not shown to be small")


def test_the_bound_has_no_slack():
    verify(*cheat(at_the_bound()))
    refuse(*cheat(beyond(at_the_bound())), match="not shown to be small")


def test_squares_that_wrap_are_found_by_random_sums():
    """Whatever the norm is, four squares make it the bound modulo the primes; they are large."""
    modulus = prod(PLAIN.primes)
    with (
        mock.patch.object(prover, "_ATTEMPTS", 2),
        pytest.raises(AssertionError, match="no masks suit"),
    ):
        cheat(vector(BOUND * 2), squares=lambda number: four_squares(number + modulus))
    with mock.patch.object(prover, "_is_hidden", lambda *_: True):
        wrapped = cheat(vector(BOUND * 2), squares=lambda number: four_squares(number + modulus))
    refuse(*wrapped, match="random sum")
    with mock.patch.object(NormParameters, "largest_masked", 2**60):
        verify(*wrapped)  # nothing else finds it


def test_random_sums_that_are_said_to_be_small_are_not_those_of_the_rows():
    modulus = prod(PLAIN.primes)
    original = Projection.sums

    def smaller(self, integers):
        return original(self, integers) % 100

    with mock.patch.object(Projection, "sums", smaller):
        refuse(
            *cheat(vector(BOUND * 2), squares=lambda number: four_squares(number + modulus)),
            match="not shown to be small",
        )


@pytest.mark.parametrize("quality", [3, -3, MAX_QUALITY + 1])
def test_a_norm_beyond_the_quality_or_a_quality_beyond_its_range(quality):
    given = vector(BOUND * 4 if quality == 3 else 0, quality)
    refuse(*cheat(given, BY_QUALITY), BY_QUALITY, match="not shown to be small")


def test_nothing_but_the_quality_widens_the_bound():
    """The zeros that fill up its row must be zeros."""
    given, slots = vector(BOUND * 4, 3), BY_QUALITY.slots
    original = Layout.integers

    def with_more(self, *args):
        written = original(self, *args)
        start = self.row_ends[0] * slots
        written[start + 1] = 10  # so that 3^2 + 10^2 is the square
        return written

    with mock.patch.object(Layout, "integers", with_more):
        for squares in (lambda number: (0, 0, 0, 0), lambda number: four_squares(abs(number))):
            refuse(*cheat(given, BY_QUALITY, squares), BY_QUALITY, match="not shown to be small")


def test_a_proof_is_of_one_commitment_bound_and_context():
    commitment, proof = proven()
    verify(commitment, proof)
    refuse(commit(vector(), PLAIN.commitment)[0], proof)
    refuse(commitment, proof, context=b"another session")
    refuse(commitment, proof, replace(PLAIN, bound=BOUND + 1))
    refuse(commitment, proof, replace(PLAIN, bounded=BOUNDED + 1))
    refuse(Commitment.sum_of([commitment, commitment]), proof)


def test_rows_of_another_vector_than_the_committed_one():
    """A prover that knows what it committed to, and proves another vector small."""
    integers, commitment, opening = parts(given=vector(BOUND * 3))
    original = Layout.integers

    def another(self, given, secret, error):
        return original(self, np.concatenate([given[:FREE], given[FREE:] // 4]), secret, error)

    with mock.patch.object(Layout, "integers", another), mock.patch.object(prover, "check_norm"):
        proof = prove_norm(integers, opening, commitment, PLAIN, CONTEXT)
    refuse(commitment, proof, match="not shown to be small")


def altered(proof):
    """Every part of a proof, changed in one place."""

    def one_more(numbers):
        changed = [array.copy() for array in numbers]
        for number, array in enumerate(changed):
            for place in ((0, 0), (-1, -1), (len(array) // 2, 3)):
                array[place] += 1 if array[place] == 0 else -1
                yield number, place, tuple(a.copy() for a in changed)
                array[place] = numbers[number][place]

    def flipped(data, place):
        return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]

    yield "root", replace(proof, root=flipped(proof.root, 5))
    yield "mask", replace(proof, mask=proof.mask ^ 1)
    yield "no mask", replace(proof, mask=8)
    for place in (0, 100, SUMS - 1):
        sums = proof.sums.copy()
        sums[place] -= np.sign(sums[place]) or 1
        yield f"sum {place}", replace(proof, sums=sums)
    for number, place, polynomials in one_more(proof.polynomials):
        yield f"polynomial {number} {place}", replace(proof, polynomials=polynomials)
    for number, place, columns in one_more(proof.columns):
        yield f"column {number} {place}", replace(proof, columns=columns)
    for place in (0, 16 * QUERIES - 1):
        yield f"salt {place}", replace(proof, salts=flipped(proof.salts, place))
    yield "sibling", replace(proof, siblings=flipped(proof.siblings, 40))
    yield "one sibling more", replace(proof, siblings=proof.siblings + bytes(32))
    yield "one less", replace(proof, siblings=proof.siblings[:-32])


def test_every_altered_part_is_found():
    commitment, proof = proven()
    for name, changed in altered(proof):
        with pytest.raises(ProofError):
            verify(commitment, changed)
            pytest.fail(name)


def test_bytes_that_are_no_proof():
    _, proof = proven()
    data = proof.to_bytes(PLAIN)
    for wrong in (b"", data[:31], data[:400], data[: len(data) // 2]):
        with pytest.raises(DecodingError):
            NormProof.from_bytes(wrong, PLAIN)
    polynomials = tuple(p.copy() for p in proof.polynomials)
    polynomials[1][2, 3] = PLAIN.primes[1]
    with pytest.raises(DecodingError, match="beyond"):
        NormProof.from_bytes(replace(proof, polynomials=polynomials).to_bytes(PLAIN), PLAIN)
