"""What the server and all who consent do with uploads: check them, and multiply them."""

from collections.abc import Sequence
from itertools import chain

from crypto.domain import domain_tag, encode_id
from crypto.errors import ProofError, blaming
from crypto.paillier.phe_keys import PaillierPublicKey
from crypto.parties import SERVER, ClientId
from crypto.proofs.paillier_knowledge import (
    PlaintextClaim,
    PlaintextProof,
    decode_plaintext_proofs,
    verify_plaintext_proofs,
)
from crypto.protocols.paillier_sum.messages import EncryptedVector
from crypto.randomness import Randomness


def check_uploads(
    key: PaillierPublicKey,
    uploads: Sequence[EncryptedVector],
    length: int,
    signed: bool,
    randomness: Randomness,
) -> None:
    """Check that uploads are ciphertexts, and, in signed sessions, that their senders made them.

    Run by the server on every upload, and by a client on all that it is asked to consent to. Proofs
    of all uploads are checked at once; only if that fails, those of each.

    Raises:
        MalformedMessageError: for what are no ciphertexts, or no proofs; names the client, or, in
            sessions without signatures, the server.
        ProofError: for a client that does not know what it encrypted; names it.
    """
    claims: list[list[PlaintextClaim]] = []
    proofs: list[Sequence[PlaintextProof]] = []
    for upload in uploads:
        # Without signatures the server may have made it up.
        with blaming(upload.sender if signed else SERVER):
            ciphertexts = key.decode_all(upload.ciphertexts, length)
            count = length if signed else 0
            proofs.append(decode_plaintext_proofs(upload.knowledge, key, count))
        claims.append(
            [
                PlaintextClaim(c, knowledge_context(upload.session_id, upload.sender, index))
                for index, c in enumerate(ciphertexts[:count])
            ]
        )
    try:
        verify_plaintext_proofs(key, [*chain(*claims)], [*chain(*proofs)], randomness)
    except ProofError:
        for upload, own_claims, own_proofs in zip(uploads, claims, proofs, strict=True):
            with blaming(upload.sender):
                verify_plaintext_proofs(key, own_claims, own_proofs, randomness)
        raise


def knowledge_context(session_id: bytes, client: ClientId, index: int) -> bytes:
    """Return what the proof of knowledge of a coordinate is bound to."""
    number = index.to_bytes(4, "little")
    return domain_tag("paillier_sum/knowledge", session_id, encode_id(client), number)


def multiply_uploads(
    key: PaillierPublicKey, uploads: tuple[EncryptedVector, ...], length: int
) -> bytes:
    """Return the encoded product of uploads, coordinate by coordinate.

    Raises:
        MalformedMessageError: naming the server, if an upload is no vector of ciphertexts.
    """
    with blaming(SERVER):
        decoded = [key.decode_all(upload.ciphertexts, length) for upload in uploads]
    return key.encode_all(key.add(column) for column in zip(*decoded, strict=True))
