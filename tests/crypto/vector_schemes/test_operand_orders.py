"""Encrypted vectors take part in no arithmetic but `add`, whichever side an array stands on.

In TenSEAL 0.3.18 `ciphertext * array` is one ciphertext, and `array * ciphertext` is an array of n;
in phe 1.5.0 the first is refused, and the second is an array of n.
"""

import operator

import numpy as np
import phe
import pytest

from crypto.errors import ParameterError
from crypto.vector_schemes.catalogue import scheme_named
from crypto.vector_schemes.exponential_elgamal import ElGamalScheme
from crypto.vector_schemes.packed_paillier import PackedPaillierScheme
from crypto.vector_schemes.scheme import VectorPlan
from crypto.vector_schemes.single_paillier import SinglePaillierScheme

PLAN = VectorPlan(3, 8, 4)
VALUES = [1, 2, 3]
ARRAYS = [
    *(np.array(VALUES, dtype) for dtype in (np.float32, np.int64)),
    *(np.float32(2), np.int64(2)),
]
SCHEMES = {
    "ElGamal": ElGamalScheme,
    "packed Paillier": lambda: PackedPaillierScheme(512),
    "phe": lambda: SinglePaillierScheme(512),
}


@pytest.fixture(scope="module", params=[*SCHEMES, "CKKS", "BFV"])
def keys(request):
    if request.param not in SCHEMES:
        pytest.importorskip("tenseal")
        private = scheme_named(request.param.lower()).generate()
    else:
        private = SCHEMES[request.param]().generate()
    return private, private.public_key


@pytest.mark.parametrize("other", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
@pytest.mark.parametrize("operation", [operator.mul, operator.add, operator.sub])
def test_both_orders_are_refused(keys, operation, other):
    encrypted = keys[1].encrypt(np.array(VALUES, np.int64), PLAN)
    for pair in ((encrypted, other), (other, encrypted)):
        with pytest.raises(TypeError):
            operation(*pair)


def test_an_array_does_not_take_an_encrypted_vector_apart(keys):
    encrypted = keys[1].encrypt(np.array(VALUES, np.int64), PLAN)
    with pytest.raises(TypeError, match="does not support ufuncs"):
        np.multiply(np.array(VALUES, np.float32), encrypted)


def test_integers_are_encrypted_as_one_vector_and_floats_are_refused(keys):
    private, public = keys
    one = public.encrypt(np.array(VALUES, np.int64), PLAN)
    total = public.add([one, public.encrypt(np.array(VALUES, np.uint64), PLAN)])
    np.testing.assert_array_equal(private.decrypt(total), np.multiply(VALUES, 2))
    for dtype in (np.float32, np.float64):
        with pytest.raises(ParameterError):
            public.encrypt(np.array(VALUES, dtype), PLAN)


def test_what_phe_makes_of_both_orders():
    ciphertext = phe.generate_paillier_keypair(n_length=512)[0].encrypt(3)
    for dtype in (np.float32, np.int64):
        array = np.array(VALUES, dtype)
        with pytest.raises(TypeError, match="precision"):
            ciphertext * array
        assert (array * ciphertext).dtype == object
