"""What the server sees of a vector is uniform: chi-square tests, two-sided.

A statistic that is too good is as suspicious as one that is too bad. Each chi-square
fails a correct implementation with probability 2 * ALPHA; the last tests show that faults seen
elsewhere are caught.
"""

import numpy as np
import pytest
from scipy.stats import chisquare

from crypto.encoding.bit_packing import unpack
from crypto.parties import SERVER
from crypto.primitives.prg import expand_mask, word_dtype
from crypto.protocols.masking.messages import MaskedVector
from crypto.protocols.masking.session import DoubleMasking
from crypto.protocols.masking.stages import Stage
from crypto.session.faults import Alter, Fault
from crypto.session.signing import split_signed
from tests.crypto.conformance import Recorder

ALPHA = 1e-6
LENGTH = 60_000


def p_values(values, bits):
    """Chi-square of the lowest and highest 6 bits and of differences of neighbours."""
    cells = min(bits, 6)
    values = values.astype(np.int64)
    steps = np.diff(values)[::2] % 2**bits  # of disjoint pairs
    for sample in (values % 2**cells, values >> (bits - cells), steps >> (bits - cells)):
        yield chisquare(np.bincount(sample, minlength=2**cells)).pvalue


def is_uniform(values, bits):
    return all(ALPHA < p < 1 - ALPHA for p in p_values(values, bits))


def uploads(vectors, bits, **options):
    recorder = Recorder()
    protocol = DoubleMasking(**options)
    fault = Fault(Alter(recorder), Stage.MASKED_INPUT, receiver=SERVER)
    protocol.sum(vectors, bits, round_id=1, faults=[fault])
    for data in recorder.messages:
        message, _, _ = split_signed(MaskedVector, data, signed=options.get("signed", True))
        yield unpack(message.packed, LENGTH, bits)


@pytest.mark.parametrize("bits", [8, 20, 32, 33, 62])
def test_uploads_are_uniform_whatever_the_vectors(bits):
    constant = np.full(LENGTH, 5 % 2**bits, np.uint64)
    ramp = (np.arange(LENGTH) % 2**bits).astype(np.uint64)
    vectors = {1: constant, 2: ramp, 3: np.zeros(LENGTH, np.uint64), 4: constant}
    for upload in uploads(vectors, bits):
        assert is_uniform(upload, bits)


def test_uploads_of_equal_vectors_are_unrelated():
    vectors = {client: np.full(LENGTH, 7, np.uint64) for client in range(4)}
    seen = list(uploads(vectors, 32))
    for i in range(4):
        for j in range(i):
            assert is_uniform((seen[i].astype(np.int64) - seen[j]) % 2**32, 32)


def test_a_mask_that_is_one_bit_short_is_caught():
    assert not is_uniform(expand_mask(bytes(32), LENGTH, 31).astype(np.uint64), 32)


def test_one_mask_value_for_all_coordinates_is_caught():
    vector = np.arange(LENGTH, dtype=np.uint64)
    assert not is_uniform((vector + np.uint64(123456789)) % np.uint64(2**32), 32)


def test_a_range_without_its_top_value_is_caught():
    values = expand_mask(bytes(32), LENGTH, 3) % np.uint64(7)
    assert not is_uniform(values, 3)


def test_a_counter_is_too_even_to_be_random():
    assert word_dtype(6).itemsize == 4
    counter = np.arange(64 * 900, dtype=np.uint64) % np.uint64(64)
    assert next(p_values(counter, 6)) > 1 - ALPHA
