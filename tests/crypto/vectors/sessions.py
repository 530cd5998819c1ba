"""Whole sessions with scripted randomness: every message on the wire, in the order of sending."""

import hashlib

import numpy as np

from crypto.codec import Message
from crypto.groups.secp256k1 import SECP256K1
from crypto.parties import AUTHORITY, SERVER
from crypto.protocols.dealing.session import GroupDealing
from crypto.protocols.dkg.session import generate_key
from crypto.protocols.dkg.stages import Stage as DkgStage
from crypto.protocols.elgamal_sum.session import ElGamalSum
from crypto.protocols.homomorphic_sum.session import HomomorphicSum
from crypto.protocols.masking.session import DoubleMasking
from crypto.protocols.masking.topology import CompleteGraph
from crypto.protocols.paillier_sum.session import PaillierSum
from crypto.protocols.pairwise_masking.session import PairwiseMasking
from crypto.protocols.quality_sum.session import HardenedQualitySum, QualitySum
from crypto.protocols.sparse_sum.session import SparseSum
from crypto.protocols.verified_sum.joint import VerifiedQualitySum
from crypto.protocols.verified_sum.masking import VerifiedDoubleMasking
from crypto.randomness import TestVectorRandomness
from crypto.session.faults import Alter, Fault
from crypto.vector_schemes.exponential_elgamal import ElGamalScheme
from crypto.wire import message_type
from tests.crypto.vectors.form import plain

WHOLE_BYTES = 200
BITS, WIDE = 10, 14
CLIENTS = (1, 2, 5, 9)
VECTORS = {client: [client, 0, 3 * client, 1023] for client in CLIENTS}
BINDING = hashlib.sha256(b"what the server broadcast").digest()
QUALITIES = {1: 0, 2: 1, 5: 2, 9: 3}


class Tape:
    """Keeps what crosses the channel; made of faults that change nothing."""

    def __init__(self):
        self.messages = []

    def faults(self, stages, clients=CLIENTS):
        ends = [(a, b) for c in clients for a, b in ((SERVER, c), (c, SERVER), (AUTHORITY, c))]
        return [
            Fault(Alter(self._keeper(stage, *pair)), stage, *pair)
            for stage in stages
            for pair in ends
        ]

    def _keeper(self, stage, sender, receiver):
        def keep(data):
            self.messages.append((stage, sender, receiver, data))
            return data

        return keep


def kinds():
    """Type number -> class, of all messages of all protocols."""
    found, left = {}, [Message]
    while left:
        for kind in left.pop().__subclasses__():
            left.append(kind)
            ours = kind.__module__.startswith("crypto.")  # tests have messages of their own
            if ours and hasattr(kind, "TYPE"):
                found[int(kind.TYPE)] = kind
    return found


def name_of(kind):
    """Return a class's name with its protocol's: `masking.Invitation`."""
    package = kind.__module__.removeprefix("crypto.").removeprefix("protocols.").split(".")[0]
    return f"{package}.{kind.__qualname__}"


def arrays(dtype=np.uint64):
    return {client: np.array(vector, dtype) for client, vector in VECTORS.items()}


def secure_sum(protocol, dropouts=None, bits=BITS):
    """Run one session of a `SecureSum`."""
    tape = Tape()
    result = protocol.sum(
        arrays(),
        bits,
        round_id=7,
        dropouts=dropouts,
        faults=tape.faults(protocol.stages),
        binding=BINDING,
    )
    found = {"sum": result.sum.tolist(), "survivors": result.survivors}
    return tape, found | checked_by(result)


def checked_by(result):
    """Who found the sum right, in sessions in which clients check it."""
    return {"receipts": result.verification.receipts} if result.verification else {}


def quality_sum(protocol, dropouts=None, bits=BITS):
    tape = Tape()
    result = protocol.sum(
        arrays(),
        QUALITIES,
        bits,
        max_quality=3,
        round_id=7,
        dropouts=dropouts,
        faults=tape.faults(protocol.stages),
        binding=BINDING,
    )
    found = {"sum": result.sum.tolist(), "quality_sum": result.quality_sum}
    return tape, {**found, "survivors": result.survivors, **checked_by(result)}


def key_generation(randomness):
    tape = Tape()
    made = generate_key(
        CLIENTS,
        3,
        SECP256K1,
        randomness=randomness,
        faults=tape.faults([stage.value for stage in DkgStage]),
    )
    key = SECP256K1.encode(made.public_key.h)
    return tape, {"public_key": key, "qualified": sorted(made.qualified)}


def dealing(randomness):
    tape = Tape()
    dealt = GroupDealing(randomness=randomness).deal(
        CLIENTS, round_id=7, faults=tape.faults(GroupDealing.stages), binding=BINDING
    )
    return tape, {"groups": dealt.groups.members, "digest": dealt.groups.digest}


def _masking(randomness):
    return secure_sum(DoubleMasking(CompleteGraph(3), randomness=randomness), {5: "masked input"})


def _masking_unsigned(randomness):
    return secure_sum(DoubleMasking(CompleteGraph(3), signed=False, randomness=randomness))


def _pairwise(randomness):
    return secure_sum(PairwiseMasking(threshold=3, randomness=randomness), {5: "masked input"})


def _elgamal(randomness):
    return secure_sum(ElGamalSum(threshold=3, randomness=randomness))


class SmallPaillierSum(PaillierSum):
    """With keys that are made in no time; they protect nothing."""

    LEAST_KEY_BITS = 256


def _paillier(randomness):
    # Numbers below a modulus that nobody knows beforehand take any number of draws.
    return secure_sum(
        SmallPaillierSum(
            threshold=3,
            key_bits=256,
            randomness=randomness,
            choose_helpers=lambda candidates, count, _: candidates[:count],
        )
    )


def _homomorphic(randomness):
    return secure_sum(HomomorphicSum(ElGamalScheme(), randomness=randomness))


def _sparse(randomness):
    return secure_sum(SparseSum(ElGamalScheme(), randomness=randomness))


def _quality(randomness):
    return quality_sum(QualitySum(threshold=3, proofs=True, randomness=randomness))


def _hardened(randomness):
    return quality_sum(HardenedQualitySum(threshold=3, randomness=randomness))


def _verified(randomness):
    protocol = VerifiedDoubleMasking(CompleteGraph(3), randomness=randomness)
    return secure_sum(protocol, {5: "masked input"}, WIDE)


def _verified_quality(randomness):
    return quality_sum(VerifiedQualitySum(threshold=3, randomness=randomness), bits=WIDE)


VALUES = {"vectors": VECTORS, "modulus_bits": BITS, "round_id": 7, "binding": BINDING}
WITH_QUALITIES = {**VALUES, "qualities": QUALITIES, "max_quality": 3}
SESSIONS = {
    "masking": (_masking, {**VALUES, "threshold": 3, "dropouts": {5: "masked input"}}),
    "masking_unsigned": (_masking_unsigned, {**VALUES, "threshold": 3}),
    "pairwise_masking": (_pairwise, {**VALUES, "threshold": 3, "dropouts": {5: "masked input"}}),
    "elgamal_sum": (_elgamal, {**VALUES, "threshold": 3, "group": "secp256k1", "proofs": True}),
    "paillier_sum": (_paillier, {**VALUES, "threshold": 3, "key_bits": 256}),
    "dkg": (key_generation, {"clients": CLIENTS, "threshold": 3, "group": "secp256k1"}),
    "dealing": (
        dealing,
        {"clients": CLIENTS, "group_size": 3, "round_id": 7, "binding": BINDING},
    ),
    "homomorphic_sum": (_homomorphic, {**VALUES, "scheme": "ElGamal secp256k1"}),
    "sparse_sum": (_sparse, {**VALUES, "scheme": "ElGamal secp256k1"}),
    "quality_sum": (_quality, {**WITH_QUALITIES, "threshold": 3, "proofs": True}),
    "hardened_quality_sum": (_hardened, {**WITH_QUALITIES, "threshold": 3}),
    "verified_masking": (
        _verified,
        {**VALUES, "modulus_bits": WIDE, "threshold": 3, "dropouts": {5: "masked input"}},
    ),
    "verified_quality_sum": (
        _verified_quality,
        {**WITH_QUALITIES, "modulus_bits": WIDE, "threshold": 3, "proofs": False},
    ),
}


LONG = {"verified_masking", "verified_quality_sum"}
"""Sessions whose messages are too long to stand in messages.json."""

ONLY_LENGTHS = {"paillier_sum"}
"""Sessions in which a library draws its own randomness: kinds and lengths are fixed, bytes not."""


def record(name):
    """Run one of the sessions; return what was sent, and what came out."""
    return SESSIONS[name][0](TestVectorRandomness(name.encode()))


def content(name, tape, outcome):
    """Return the content of session_NAME.json."""
    known = kinds()
    messages = []
    for stage, sender, receiver, data in tape.messages:
        message = {
            "stage": stage,
            "from": sender,
            "to": receiver,
            "kind": name_of(known[message_type(data)]),
            "length": len(data),
        }
        if name in ONLY_LENGTHS:
            messages.append(message)
        elif len(data) <= WHOLE_BYTES:
            messages.append({**message, "bytes": data.hex()})
        else:
            messages.append({**message, "sha256": hashlib.sha256(data).hexdigest()})
    return {
        "about": f"A session of {name}. README.md has the form.",
        "random": name,
        "given": plain(SESSIONS[name][1]),
        "messages": messages,
        "expect": plain(outcome),
    }
