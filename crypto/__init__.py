"""Secure sums for federated learning, from cryptographic primitives to whole protocols.

The names below are the public face: `from crypto import DoubleMasking, FixedPoint`. Each is loaded
when it is first asked for, so that masking does not wait for Paillier's libraries.

A protocol is a session over roles and messages: the clients' vectors go in, and the sum over the
survivors, or an error, comes out. Nothing here knows TensorFlow, TFF or Keras.

    what is said        parties, errors, domain, wire, bit_packing, sealing
    primitives          randomness, field, shamir, fixed_base, multi_power,
                        groups (safe_prime_group, curve_group, secp256k1_group),
                        key_agreement, prg, aead, signatures,
                        share_channel, pedersen, elgamal, discrete_log (log_table),
                        threshold_elgamal, proofs/, paillier, packed_paillier (safe_primes,
                        randomiser_table), homomorphic (the interface) and vector_schemes/
    numbers             residues, fixed_point, slot_packing
    running a protocol  secure_sum (the interface), channel, faults, costs; session_messages,
                        session_part (a client's steps), opened_rounds, staged_server,
                        stage_runner, exchange, doorkeeper, cohorts
    protocols           masking/ (double masking, complete and sparse), pairwise_masking/ (the
                        paper's masks, without self masks), dkg/ (distributed key generation),
                        elgamal_sum/ (threshold ElGamal), paillier_sum/ (its twin), quality_sum/
                        (the paper's scheme V: masks and ElGamal in one session),
                        homomorphic_sum/ (all parameters encrypted, the paper's scheme IV)

Imports point upwards in this list; no primitive knows a protocol.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crypto.costs import Costs as Costs
    from crypto.elgamal_sum.session import ElGamalSum as ElGamalSum
    from crypto.errors import AbortError as AbortError
    from crypto.errors import CryptoError as CryptoError
    from crypto.errors import ParameterError as ParameterError
    from crypto.faults import Fault as Fault
    from crypto.fixed_point import FixedPoint as FixedPoint
    from crypto.homomorphic_sum.session import HomomorphicSum as HomomorphicSum
    from crypto.masking.session import DoubleMasking as DoubleMasking
    from crypto.masking.topology import CompleteGraph as CompleteGraph
    from crypto.masking.topology import RegularGraph as RegularGraph
    from crypto.paillier_sum.session import PaillierSum as PaillierSum
    from crypto.pairwise_masking.session import PairwiseMasking as PairwiseMasking
    from crypto.quality_sum.parameters import Contribution as Contribution
    from crypto.quality_sum.session import HardenedQualitySum as HardenedQualitySum
    from crypto.quality_sum.session import QualitySum as QualitySum
    from crypto.secure_sum import SecureSum as SecureSum
    from crypto.secure_sum import SessionAbortedError as SessionAbortedError
    from crypto.secure_sum import SumResult as SumResult
    from crypto.sparse_sum.session import SparseSum as SparseSum
    from crypto.vector_schemes.catalogue import scheme_named as scheme_named

_MODULES = {
    "AbortError": "crypto.errors",
    "CompleteGraph": "crypto.masking.topology",
    "Contribution": "crypto.quality_sum.parameters",
    "Costs": "crypto.costs",
    "CryptoError": "crypto.errors",
    "DoubleMasking": "crypto.masking.session",
    "ElGamalSum": "crypto.elgamal_sum.session",
    "Fault": "crypto.faults",
    "FixedPoint": "crypto.fixed_point",
    "HardenedQualitySum": "crypto.quality_sum.session",
    "HomomorphicSum": "crypto.homomorphic_sum.session",
    "PaillierSum": "crypto.paillier_sum.session",
    "PairwiseMasking": "crypto.pairwise_masking.session",
    "ParameterError": "crypto.errors",
    "QualitySum": "crypto.quality_sum.session",
    "RegularGraph": "crypto.masking.topology",
    "SecureSum": "crypto.secure_sum",
    "SessionAbortedError": "crypto.secure_sum",
    "SparseSum": "crypto.sparse_sum.session",
    "SumResult": "crypto.secure_sum",
    "scheme_named": "crypto.vector_schemes.catalogue",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'crypto' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
