"""Receipts of uploads: the server and all who help to decrypt open and check them.

In signed sessions a client must know the exponents of what it uploaded, so that it made them from
no others.
"""

from collections.abc import Sequence
from itertools import chain

from crypto.domain import domain_tag, encode_id
from crypto.errors import ProofError, blaming
from crypto.groups.base import Element, Group
from crypto.parties import SERVER, ClientId
from crypto.proofs.knowledge import (
    KnowledgeClaim,
    KnowledgeProof,
    decode_knowledge_proofs,
    verify_knowledge_proofs,
)
from crypto.protocols.elgamal_sum.messages import UploadReceipt
from crypto.protocols.elgamal_sum.parameters import ElGamalParameters
from crypto.randomness import Randomness


def open_receipts(
    group: Group[Element],
    receipts: Sequence[UploadReceipt],
    parameters: ElGamalParameters,
    randomness: Randomness,
) -> list[tuple[Element, ...]]:
    """Return the first halves that each client uploaded.

    Proofs of all receipts are checked at once; only if that fails, those of each.

    Args:
        group: the session's.
        receipts: of one session.
        parameters: of that session.
        randomness: where the weights of the check come from.

    Raises:
        MalformedMessageError: for what are no elements of the group, or no proofs; names the client
            or, in sessions without signatures, the server, which may have made it up.
        ProofError: for a client that does not know an exponent; names it.
    """
    opened: list[tuple[Element, ...]] = []
    claims: list[list[KnowledgeClaim[Element]]] = []
    proofs: list[Sequence[KnowledgeProof[Element]]] = []
    count = parameters.length if parameters.signed else 0
    for receipt in receipts:
        with blaming(receipt.sender if parameters.signed else SERVER):
            halves = group.decode_all(receipt.c1s, parameters.length)
            proofs.append(decode_knowledge_proofs(receipt.knowledge, group, count))
        opened.append(tuple(halves))
        claims.append(
            [
                KnowledgeClaim(half, knowledge_context(receipt.session_id, receipt.sender, index))
                for index, half in enumerate(halves[:count])
            ]
        )
    try:
        verify_knowledge_proofs(group, [*chain(*claims)], [*chain(*proofs)], randomness)
    except ProofError:
        for receipt, own_claims, own_proofs in zip(receipts, claims, proofs, strict=True):
            with blaming(receipt.sender):
                verify_knowledge_proofs(group, own_claims, own_proofs, randomness)
        raise
    return opened


def knowledge_context(session_id: bytes, client: ClientId, index: int) -> bytes:
    """Return what the proof of knowledge of a coordinate's exponent is bound to."""
    return domain_tag(
        "elgamal_sum/knowledge", session_id, encode_id(client), index.to_bytes(4, "little")
    )
