"""Whether a published sum is right: what every client checks, and anybody can from a transcript."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from crypto.commitments.commitment import Commitment, Opening, check_opening
from crypto.domain import domain_hash, domain_tag, encode_id
from crypto.encoding.bit_packing import unpack
from crypto.errors import (
    ConsistencyError,
    ForeignMessageError,
    OpeningError,
    ParameterError,
    blaming,
)
from crypto.norm_proofs.parameters import NormParameters
from crypto.norm_proofs.proof import NormProof
from crypto.norm_proofs.verifier import verify_norm
from crypto.parties import SERVER, ClientId
from crypto.primitives.signatures import VerifyKey
from crypto.protocols.verified_sum.messages import (
    CommittedVector,
    PublishedSum,
    Transcript,
    VerifiedInvitation,
)
from crypto.protocols.verified_sum.terms import Terms, read_terms
from crypto.session.signing import SIGNED_MESSAGE, split_signed

PUBLISHED: Final = "verified sum/published"
"""Purpose of the server's signature."""

NOT_THE_SUM: Final = (
    "the published sum does not open the survivors' commitments: the server altered it, or a "
    "client uploaded something else than it committed to"
)

Registry = Mapping[ClientId, VerifyKey]


@dataclass(frozen=True)
class VerifiedTotal:
    """A sum that was found right.

    Attributes:
        survivors: whose vectors it is the sum of, in increasing order.
        sum: shape (m,), uint64, residues modulo 2^k.
        extra: the other sums, such as that of qualities.
        digests: client -> digest of its signed commitment.
    """

    survivors: tuple[ClientId, ...]
    sum: NDArray[np.uint64]
    extra: tuple[int, ...]
    digests: Mapping[ClientId, bytes]


def commitment_digest(signed: bytes) -> bytes:
    """Return the digest by which a signed `CommittedVector` is named before the upload."""
    return domain_hash("verified sum/commitment", signed)


def published_digest(signed: bytes) -> bytes:
    """Return the digest by which a client's receipt names a signed `PublishedSum`."""
    return domain_hash(PUBLISHED, signed)


def proof_context(session_id: bytes, client: ClientId) -> bytes:
    """Return what a client's proof in a session is bound to."""
    return domain_tag("verified sum/norm", session_id, encode_id(client))


def read_committed(
    signed: bytes, session_id: bytes, terms: Terms, registry: Registry
) -> CommittedVector:
    """Read a client's signed commitment.

    Raises:
        MalformedMessageError, ForeignMessageError, SignatureError: for anything but what one of
            the session's clients signed in it.
    """
    message, body, signature = split_signed(CommittedVector, signed, True)
    if message.session_id != session_id or message.sender not in terms.cohort:
        raise ForeignMessageError("a commitment of another session, or of no client of it")
    if message.sender not in registry:
        raise ForeignMessageError(
            f"a commitment of {message.sender}, whose verify key is not known"
        )
    registry[message.sender].verify(SIGNED_MESSAGE, body, signature)
    return message


def check_proof(proof: bytes, committed: CommittedVector, norm: NormParameters) -> None:
    """Check that what a client committed to has a norm within the bound.

    Args:
        proof: `NormProof.to_bytes`.
        committed: the commitment.
        norm: the terms' `norm`.

    Raises:
        DecodingError, ProofError: if it is not shown.
    """
    verify_norm(
        NormProof.from_bytes(proof, norm),
        Commitment.from_bytes(committed.commitment, norm.commitment),
        norm,
        proof_context(committed.session_id, committed.sender),
    )


def read_published(data: bytes, invitation: VerifiedInvitation, terms: Terms) -> PublishedSum:
    """Read what a server published in a session.

    Args:
        data: the signed `PublishedSum`.
        invitation: to the session.
        terms: what it says.

    Raises:
        MalformedMessageError, ForeignMessageError, SignatureError: naming the server, for anything
            but what it signed in this session.
    """
    with blaming(SERVER):
        published, body, signature = split_signed(PublishedSum, data, True, len(terms.cohort))
        if published.session_id != invitation.session_id():
            raise ForeignMessageError("a sum of another session")
        VerifyKey(invitation.server_key).verify(PUBLISHED, body, signature)
    return published


def check_published(published: PublishedSum, terms: Terms, registry: Registry) -> VerifiedTotal:
    """Check that a published sum is that of the vectors that its survivors committed to.

    Args:
        published: what `read_published` returned.
        terms: what the invitation says.
        registry: the verify keys of the clients.

    Returns:
        The sum.

    Raises:
        MalformedMessageError, ForeignMessageError, ConsistencyError, SignatureError: naming the
            server, for what no server that follows the protocol publishes.
        OpeningError: naming nobody, if it is not the sum: the server's fault, or that of a client
            that uploaded something else than it committed to.
    """
    with blaming(SERVER):
        added = _read_commitments(published, terms, registry)
        committed = Commitment.sum_of_encoded([*added.values()], terms.parameters)
        total = unpack(published.total, terms.length, terms.modulus_bits).astype(np.uint64)
        degree = terms.parameters.level.degree
        secret = terms.as_integers(
            unpack(published.secret, degree, terms.modulus_bits).astype(np.uint64)
        )
        if len(published.extra) != len(terms.extra_largest):
            raise ConsistencyError("other sums than the session has")
        if any(map(int.__gt__, published.extra, terms.extra_largest)):
            raise ConsistencyError("a sum beyond its public range")
    extra = np.array(published.extra, np.int64)
    integers = np.concatenate([terms.as_integers(total), extra])
    try:
        check_opening(committed, integers, Opening(secret))
    except OpeningError as error:
        raise OpeningError(NOT_THE_SUM) from error
    digests = dict(zip(added, map(commitment_digest, published.commitments), strict=True))
    return VerifiedTotal(tuple(added), total, published.extra, digests)


def check_transcript(data: bytes, registry: Registry) -> VerifiedTotal:
    """Check a session from its transcript alone; run by anybody, at any time.

    Args:
        data: a `Transcript`.
        registry: the verify keys of the clients, from where the server cannot alter them.

    Raises:
        MalformedMessageError, ForeignMessageError, ConsistencyError, SignatureError, OpeningError:
            as `read_published` and `check_published`.
        ProofError: naming the server, if a norm is not shown to be within the bound.

    Guarantees: one that fails with an `OpeningError`, or a `ConsistencyError`, is evidence: the
        server's signature stands under the sum, and the clients' under commitments to others.
    """
    with blaming(SERVER):
        transcript = Transcript.from_bytes(data)
        invitation = VerifiedInvitation.from_bytes(transcript.invitation)
        try:
            terms = read_terms(invitation)
        except ParameterError as error:
            raise ConsistencyError(str(error)) from error
    published = read_published(transcript.published, invitation, terms)
    total = check_published(published, terms, registry)
    with blaming(SERVER):  # which had accepted them
        _check_proofs(transcript.proofs, published, terms, registry)
    return total


def _check_proofs(
    proofs: Sequence[bytes], published: PublishedSum, terms: Terms, registry: Registry
) -> None:
    """Check the proofs of norms of all survivors."""
    expected = 0 if terms.norm is None else len(published.commitments)
    if len(proofs) != expected:
        raise ConsistencyError(f"{len(proofs)} proofs of norms, not {expected}")
    if terms.norm is not None:
        for signed, proof in zip(published.commitments, proofs, strict=True):
            committed = read_committed(signed, published.session_id, terms, registry)
            check_proof(proof, committed, terms.norm)


def _read_commitments(
    published: PublishedSum, terms: Terms, registry: Registry
) -> dict[ClientId, bytes]:
    """Return survivor -> encoded commitment, all signed, each survivor once."""
    session_id = published.session_id
    found: dict[ClientId, bytes] = {}
    for signed in published.commitments:
        message = read_committed(signed, session_id, terms, registry)
        if message.sender in found:
            raise ConsistencyError(f"two commitments of client {message.sender}")
        found[message.sender] = message.commitment
    if sorted(found) != list(found):
        raise ConsistencyError("survivors out of order")
    if len(found) < terms.min_survivors:
        raise ConsistencyError(f"a sum over {len(found)} clients, below {terms.min_survivors}")
    return found
