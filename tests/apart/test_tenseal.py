"""The wrappers of CKKS and BFV beside TenSEAL itself, which is no requirement beside TFF."""

from pathlib import Path

import pytest

from tests.apart.environment import python_of, run

pytestmark = pytest.mark.apart
ROOT = Path(__file__).parents[2]
ORDERS = """
import numpy, tenseal
context = tenseal.context(tenseal.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[60, 40, 40, 60])
context.global_scale = 2.0**40
vector = tenseal.ckks_vector(context, [1.0, 2.0, 3.0])
for dtype in ("float32", "int64"):
    array = numpy.array([1, 2, 3], dtype)
    print(dtype, type(vector * array).__name__, (array * vector).shape)
"""


@pytest.fixture(scope="module")
def python():
    packages = ("cryptography", "pynacl>=1.6.2", "coincurve>=20", "gmpy2", "phe==1.5.0")
    tests = ("pytest", "hypothesis", "pytest-timeout", "scipy")
    return python_of("tenseal==0.3.18", "tenseal==0.3.18", "numpy==2.4.6", *packages, *tests)


def test_an_array_before_a_ciphertext_makes_n_of_it(python):
    told = run(python, "-c", ORDERS).split("\n")
    assert told[:2] == ["float32 CKKSVector (3,)", "int64 CKKSVector (3,)"]


def test_the_wrapper_refuses_both_orders_and_keeps_the_laws_of_all_schemes(python):
    files = [
        *(f"vector_schemes/{name}.py" for name in ("test_operand_orders", "test_schemes")),
        *(f"protocols/{name}/test_session.py" for name in ("homomorphic_sum", "sparse_sum")),
    ]
    arguments = (
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        ROOT,
        "-k",
        "CKKS or Ckks or BFV or Bfv or seal",
    )
    told = run(python, *arguments, *(ROOT / "tests" / "crypto" / file for file in files))
    assert "passed" in told
    assert "skipped" not in told.splitlines()[-1]
