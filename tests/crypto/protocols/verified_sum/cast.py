"""Verified sessions whose server lies about the sum, and signs what it says."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from crypto.encoding.bit_packing import pack, unpack
from crypto.primitives.prg import word_dtype
from crypto.protocols.verified_sum.joint import VerifiedHardenedQualitySum, VerifiedQualitySum
from crypto.protocols.verified_sum.masking import VerifiedDoubleMasking, VerifiedPairwiseMasking
from crypto.protocols.verified_sum.messages import PublishedSum, UploadRequest
from crypto.protocols.verified_sum.stages import Stage
from crypto.protocols.verified_sum.terms import Terms
from crypto.protocols.verified_sum.verification import PUBLISHED
from crypto.session.faults import Alter, Fault

CLIENTS = (1, 2, 4, 7, 8, 9)
LENGTH, BITS, MAX_QUALITY = 40, 24, 5
KINDS = {
    "double masking": VerifiedDoubleMasking,
    "pairwise masking": VerifiedPairwiseMasking,
    "scheme V": VerifiedQualitySum,
    "hardened scheme V": VerifiedHardenedQualitySum,
}
JOINT = ("scheme V", "hardened scheme V")


def vectors(seed=0):
    rng = np.random.default_rng(seed)
    return {client: rng.integers(-(2**15), 2**15, LENGTH) for client in CLIENTS}


def qualities(seed=0):
    return {client: (client + seed) % (MAX_QUALITY + 1) for client in CLIENTS}


def run(protocol, round_id=1, seed=0, **plan):
    """Run one session of any kind; in rounds with another seed the vectors are others."""
    if hasattr(protocol, "_masking"):
        return protocol.sum(
            vectors(seed), qualities(seed), BITS, max_quality=MAX_QUALITY, round_id=round_id, **plan
        )
    return protocol.sum(vectors(seed), BITS, round_id=round_id, **plan)


@dataclass
class Words:
    """A published sum taken apart, for a liar to change.

    Attributes:
        total: residues, shape (m,).
        secret: likewise, shape (N,).
        commitments: the signed commitments.
        extra: the other sums.
        session_id: of the message.
    """

    total: Any
    secret: Any
    commitments: tuple
    extra: tuple
    session_id: bytes

    @classmethod
    def of(cls, signed, length=LENGTH):
        message = PublishedSum.from_bytes(signed[:-64])
        size = len(message.secret) * 8 // BITS
        return cls(
            unpack(message.total, length, BITS).astype(np.int64),
            unpack(message.secret, size, BITS).astype(np.int64),
            message.commitments,
            message.extra,
            message.session_id,
        )

    def signed(self, identity):
        body = PublishedSum(
            self.session_id, self.commitments, _packed(self.total), _packed(self.secret), self.extra
        ).to_bytes()
        return body + identity.sign(PUBLISHED, body)


def _packed(numbers):
    return pack((np.asarray(numbers) % 2**BITS).astype(word_dtype(BITS)), BITS)


def lying(protocol, lie, clients=CLIENTS):
    """Faults with which the server publishes something else; it signs that as it does the truth.

    Args:
        protocol: whose server lies.
        lie: changes `Words` in place, or returns the message to send instead.
        clients: who is told the lie.
    """

    def change(data):
        words = Words.of(data)
        made = lie(words)
        return words.signed(protocol._signers.server) if made is None else made

    return [Fault(Alter(change), Stage.VERIFICATION.value, "server", client) for client in clients]


def terms_of(kind):
    """What an invitation to a session of this kind says."""
    extra = (len(CLIENTS) * MAX_QUALITY,) if kind in JOINT else ()
    return Terms(CLIENTS, LENGTH, BITS, extra_largest=extra)


def watch_secrets(protocol, clients):
    """Return client -> what opens its commitment, as soon as there is one: clients tell."""
    secrets = {}
    for client in clients:
        role = protocol._joins(client) if hasattr(protocol, "_joins") else protocol.client(client)
        role.join = _telling(role.join, client, secrets)
    return secrets


def _telling(join, client, secrets):
    def joined(data, binding=b""):
        part, answer = join(data, binding)
        commit = part.commit

        def committed(sent, given):
            made = commit(sent, given)
            secrets[client] = part._state.secret
            return made

        part.commit = committed
        return part, answer

    return joined


def misleading(change, clients=CLIENTS):
    """Faults with which the server lists other commitments before the upload.

    Args:
        change: from the list of (client, digest) to another.
        clients: who is told so.
    """

    def alter(data):
        request = UploadRequest.from_bytes(data)
        listed = tuple(sorted(change(dict(request.commitments)).items()))
        return replace(request, commitments=listed).to_bytes()

    return [Fault(Alter(alter), "masked input", "server", client) for client in clients]
