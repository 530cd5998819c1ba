"""The schemes by name, for experiments that compare them."""

from crypto.errors import ParameterError
from crypto.vector_schemes.bfv import BfvScheme
from crypto.vector_schemes.ckks import CkksScheme
from crypto.vector_schemes.exponential_elgamal import ElGamalScheme
from crypto.vector_schemes.packed_paillier import PackedPaillierScheme
from crypto.vector_schemes.scheme import VectorScheme
from crypto.vector_schemes.single_paillier import SinglePaillierScheme

NAMES = ("packed_paillier_2048", "packed_paillier_3072", "paillier_2048", "elgamal", "ckks", "bfv")
"""What `scheme_named` knows; the last two take a package of their own."""


def scheme_named(name: str) -> VectorScheme:
    """Return a scheme at full strength.

    Raises:
        ParameterError: for an unknown name, or one whose package is not installed.
    """
    match name:
        case "packed_paillier_2048":
            return PackedPaillierScheme(2048)
        case "packed_paillier_3072":
            return PackedPaillierScheme(3072)
        case "paillier_2048":
            return SinglePaillierScheme(2048)
        case "elgamal":
            return ElGamalScheme()
        case "ckks":
            return CkksScheme()
        case "bfv":
            return BfvScheme()
    raise ParameterError(f"scheme {name!r}; there are {', '.join(NAMES)}")
