"""The protocols that could compute one secure sum, which experiment `he` compares."""

from collections.abc import Callable
from dataclasses import dataclass

from crypto.protocols.elgamal_sum.session import ElGamalSum
from crypto.protocols.homomorphic_sum.session import HomomorphicSum
from crypto.protocols.masking.session import DoubleMasking
from crypto.protocols.paillier_sum.session import PaillierSum
from crypto.session.secure_sum import SecureSum
from crypto.vector_schemes.bfv import BfvScheme
from crypto.vector_schemes.ckks import CkksScheme
from crypto.vector_schemes.exponential_elgamal import ElGamalScheme
from crypto.vector_schemes.packed_paillier import PackedPaillierScheme, strength_of
from crypto.vector_schemes.single_paillier import SinglePaillierScheme

_MASKING_BITS = 128


@dataclass(frozen=True)
class Contender:
    """One way to compute the sum.

    Attributes:
        key: short name.
        name: for people.
        sums: "vector", or "number" for a protocol that sums one number a client.
        security_bits: strength against the best known attacks.
        survives: whether the sum is had though clients drop out.
        values: by preset, how many numbers of all clients together are summed at most.
        build: makes the protocol.
    """

    key: str
    name: str
    sums: str
    security_bits: int
    survives: bool
    values: dict[str, int]
    build: Callable[[], SecureSum]


_ALL = 10**12

CONTENDERS = (
    Contender(
        "phe_2048",
        "phe, Paillier 2048",
        "vector",
        strength_of(2048),
        False,
        {"quick": 200, "paper": 2_000},
        lambda: HomomorphicSum(SinglePaillierScheme(2048)),
    ),
    Contender(
        "packed_2048",
        "packed Paillier 2048",
        "vector",
        strength_of(2048),
        False,
        {"quick": 4_000_000, "paper": _ALL},
        lambda: HomomorphicSum(PackedPaillierScheme(2048)),
    ),
    Contender(
        "packed_3072",
        "packed Paillier 3072",
        "vector",
        strength_of(3072),
        False,
        {"quick": 400_000, "paper": _ALL},
        lambda: HomomorphicSum(PackedPaillierScheme(3072)),
    ),
    Contender(
        "elgamal",
        "ElGamal secp256k1",
        "vector",
        128,
        False,
        {"quick": 5_000, "paper": 50_000},
        lambda: HomomorphicSum(ElGamalScheme()),
    ),
    Contender(
        "ckks",
        "CKKS 4096",
        "vector",
        128,
        False,
        {"quick": 400_000, "paper": _ALL},
        lambda: HomomorphicSum(CkksScheme()),
    ),
    Contender(
        "bfv",
        "BFV 4096",
        "vector",
        128,
        False,
        {"quick": 400_000, "paper": _ALL},
        lambda: HomomorphicSum(BfvScheme()),
    ),
    Contender(
        "masking",
        "double masking",
        "vector",
        _MASKING_BITS,
        True,
        {"quick": _ALL, "paper": _ALL},
        DoubleMasking,
    ),
    Contender(
        "number_elgamal",
        "threshold ElGamal, one number",
        "number",
        128,
        True,
        {"quick": _ALL, "paper": _ALL},
        lambda: ElGamalSum(proofs=False),
    ),
    Contender(
        "number_paillier",
        "Paillier 2048, one number",
        "number",
        strength_of(2048),
        True,
        {"quick": _ALL, "paper": _ALL},
        PaillierSum,
    ),
)
