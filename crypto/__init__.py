"""Secure sums for federated learning, from cryptographic primitives to whole protocols.

The names below are the public face: `from crypto import DoubleMasking, FixedPoint`. Each is loaded
when it is first asked for, so that masking does not wait for Paillier's libraries.

A protocol is a session over roles and messages: the clients' vectors go in, and the sum over the
survivors, or an error, comes out. Nothing here knows TensorFlow, TFF or Keras.

    errors, parties, randomness, domain, operations, processes, wire, codings, codec
                     what every room uses: errors, roles, randomness, names of hashes, what costs
                     time, forked processes, bytes, and messages that declare their fields
    primitives/      field, shamir, key_agreement, signatures, prg, aead
    encoding/        residues, fixed_point, bit_packing, slot_packing, position_coding
    groups/          base (the interface), edwards25519, secp256k1, ffdhe; powers and commitments
    elgamal/         encryption, threshold decryption, discrete logarithms
    paillier/        keys of `phe`, and many values in one ciphertext
    proofs/          zero-knowledge proofs of knowledge, equality and range
    vector_schemes/  whole vectors encrypted: the interface, and schemes by name
    commitments/     short commitments to whole vectors that add up: ring-SIS, hidden by ring-LWE
    norm_proofs/     that what a commitment holds has a small norm
    session/         what every protocol is made of: secure_sum (the interface), staged_sum (what
                     runs sessions), sum_client, client_session, staged_server, messages, signing,
                     admission, channel, faults, costs; apart/ (the same roles in programs of their
                     own: conductor at the server, participant at the others, deliveries)
    protocols/       masking (double masking, complete and sparse graphs), pairwise_masking (the
                     paper's masks, without self masks), dkg (distributed key generation),
                     elgamal_sum (threshold ElGamal), paillier_sum (its twin), quality_sum (the
                     paper's scheme V: masks and ElGamal in one session), homomorphic_sum (all
                     parameters encrypted, the paper's scheme IV), sparse_sum,
                     verified_sum (sums by masks that clients check), dealing (clients into groups,
                     by randomness that nobody chooses alone)

Imports point upwards in this list, and tests/crypto/test_imports.py holds them there.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crypto.encoding.fixed_point import FixedPoint as FixedPoint
    from crypto.errors import AbortError as AbortError
    from crypto.errors import CryptoError as CryptoError
    from crypto.errors import ParameterError as ParameterError
    from crypto.norm_proofs.parameters import NormBound as NormBound
    from crypto.protocols.dealing.session import GroupDealing as GroupDealing
    from crypto.protocols.elgamal_sum.session import ElGamalSum as ElGamalSum
    from crypto.protocols.homomorphic_sum.session import HomomorphicSum as HomomorphicSum
    from crypto.protocols.masking.session import DoubleMasking as DoubleMasking
    from crypto.protocols.masking.topology import CompleteGraph as CompleteGraph
    from crypto.protocols.masking.topology import RegularGraph as RegularGraph
    from crypto.protocols.paillier_sum.session import PaillierSum as PaillierSum
    from crypto.protocols.pairwise_masking.session import PairwiseMasking as PairwiseMasking
    from crypto.protocols.quality_sum.parameters import Contribution as Contribution
    from crypto.protocols.quality_sum.session import HardenedQualitySum as HardenedQualitySum
    from crypto.protocols.quality_sum.session import QualitySum as QualitySum
    from crypto.protocols.sparse_sum.session import SparseSum as SparseSum
    from crypto.protocols.verified_sum.joint import (
        VerifiedHardenedQualitySum as VerifiedHardenedQualitySum,
    )
    from crypto.protocols.verified_sum.joint import VerifiedQualitySum as VerifiedQualitySum
    from crypto.protocols.verified_sum.masking import VerifiedDoubleMasking as VerifiedDoubleMasking
    from crypto.protocols.verified_sum.masking import (
        VerifiedPairwiseMasking as VerifiedPairwiseMasking,
    )
    from crypto.protocols.verified_sum.verification import check_transcript as check_transcript
    from crypto.session.costs import Costs as Costs
    from crypto.session.faults import Fault as Fault
    from crypto.session.secure_sum import SecureSum as SecureSum
    from crypto.session.secure_sum import SessionAbortedError as SessionAbortedError
    from crypto.session.secure_sum import SumResult as SumResult
    from crypto.vector_schemes.catalogue import scheme_named as scheme_named

_MODULES = {
    "AbortError": "crypto.errors",
    "CompleteGraph": "crypto.protocols.masking.topology",
    "Contribution": "crypto.protocols.quality_sum.parameters",
    "Costs": "crypto.session.costs",
    "CryptoError": "crypto.errors",
    "DoubleMasking": "crypto.protocols.masking.session",
    "ElGamalSum": "crypto.protocols.elgamal_sum.session",
    "Fault": "crypto.session.faults",
    "FixedPoint": "crypto.encoding.fixed_point",
    "GroupDealing": "crypto.protocols.dealing.session",
    "HardenedQualitySum": "crypto.protocols.quality_sum.session",
    "HomomorphicSum": "crypto.protocols.homomorphic_sum.session",
    "NormBound": "crypto.norm_proofs.parameters",
    "PaillierSum": "crypto.protocols.paillier_sum.session",
    "PairwiseMasking": "crypto.protocols.pairwise_masking.session",
    "ParameterError": "crypto.errors",
    "QualitySum": "crypto.protocols.quality_sum.session",
    "RegularGraph": "crypto.protocols.masking.topology",
    "SecureSum": "crypto.session.secure_sum",
    "SessionAbortedError": "crypto.session.secure_sum",
    "SparseSum": "crypto.protocols.sparse_sum.session",
    "SumResult": "crypto.session.secure_sum",
    "VerifiedDoubleMasking": "crypto.protocols.verified_sum.masking",
    "VerifiedHardenedQualitySum": "crypto.protocols.verified_sum.joint",
    "VerifiedPairwiseMasking": "crypto.protocols.verified_sum.masking",
    "VerifiedQualitySum": "crypto.protocols.verified_sum.joint",
    "check_transcript": "crypto.protocols.verified_sum.verification",
    "scheme_named": "crypto.vector_schemes.catalogue",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'crypto' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
