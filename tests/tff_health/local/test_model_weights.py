"""Weights as bytes: one form for each model, and no other bytes are read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from tff_health.errors import DataError
from tff_health.local.model_weights import ModelWeights

DTYPES = st.sampled_from([np.dtype(t) for t in ("f4", "f8", "f2", "i4", "i8", "u1", "?")])
ARRAYS = st.lists(stn.arrays(DTYPES, stn.array_shapes(min_dims=0, max_dims=4, min_side=0)))
SMALL = ModelWeights([np.arange(6, dtype=np.float32).reshape(2, 3)], [np.array(True)])


def assert_same(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert (one.dtype, one.shape) == (other.dtype, other.shape)
            assert one.tobytes() == other.tobytes()


@given(ARRAYS, ARRAYS)
def test_bytes_give_the_weights_back_bit_for_bit(trainable, others):
    weights = ModelWeights(trainable, others)
    data = weights.to_bytes()
    read = ModelWeights.from_bytes(data)
    assert_same(read, weights)
    assert read.to_bytes() == data
    assert read.digest() == weights.digest()


def test_the_form_is_what_it_was():
    assert SMALL.digest().hex() == (
        "ee0f91cfcc2205d9d5d4b61bffb54c3bd71149b3be58d5a8d8461f2f740308dd"
    )
    swapped = ModelWeights([SMALL.trainable[0].astype(">f4")], [SMALL.non_trainable[0]])
    assert swapped.to_bytes() == SMALL.to_bytes()
    transposed = ModelWeights([np.asfortranarray(SMALL.trainable[0])], [SMALL.non_trainable[0]])
    assert transposed.to_bytes() == SMALL.to_bytes()


def test_other_weights_have_other_digests():
    changed = [array.copy() for array in SMALL.trainable]
    changed[0][0, 0] = -0.0  # equal to 0.0, and another number all the same
    assert ModelWeights(changed, SMALL.non_trainable).digest() != SMALL.digest()
    assert ModelWeights([*SMALL.trainable, *SMALL.non_trainable], []).digest() != SMALL.digest()
    other = ModelWeights([SMALL.trainable[0].reshape(3, 2)], SMALL.non_trainable)
    assert other.digest() != SMALL.digest()


def test_bytes_that_weights_cannot_have_are_refused():
    data = SMALL.to_bytes()
    for end in range(len(data)):
        with pytest.raises(DataError):
            ModelWeights.from_bytes(data[:end])
    with pytest.raises(DataError, match="as announced"):
        ModelWeights.from_bytes(data + b"\0")
    with pytest.raises(DataError, match="truth value"):
        ModelWeights.from_bytes(data[:-1] + b"\2")
    with pytest.raises(DataError, match="of this version"):
        ModelWeights.from_bytes(b"x" + data[1:])


@given(st.data())
def test_spoilt_bytes_are_refused_or_are_those_of_other_weights(data):
    spoilt = bytearray(SMALL.to_bytes())
    place = data.draw(st.integers(0, len(spoilt) - 1))
    spoilt[place] ^= data.draw(st.integers(1, 255))
    try:
        read = ModelWeights.from_bytes(bytes(spoilt))
    except DataError:
        return
    assert read.to_bytes() == bytes(spoilt)


def test_announced_sizes_take_no_memory():
    data = bytearray(SMALL.to_bytes())
    start = data.index(b"1\n") + 2
    data[start : start + 4] = b"\xff" * 4
    with pytest.raises(DataError, match="cannot be"):
        ModelWeights.from_bytes(bytes(data))


def test_weights_that_have_no_bytes_are_refused():
    with pytest.raises(DataError, match="complex64"):
        ModelWeights([np.zeros(1, np.complex64)], []).to_bytes()


def test_another_architecture_is_told_of():
    SMALL.check_like(SMALL)
    for other in (
        ModelWeights([SMALL.trainable[0].T], SMALL.non_trainable),
        ModelWeights([SMALL.trainable[0].astype(np.float64)], SMALL.non_trainable),
        ModelWeights(SMALL.trainable, []),
        ModelWeights([*SMALL.trainable, *SMALL.trainable], SMALL.non_trainable),
    ):
        with pytest.raises(DataError, match="wanted"):
            SMALL.check_like(other)
