"""What the proofs of a joint session are bound to: the same for those who make and check them."""

from crypto.domain import domain_tag, encode_id
from crypto.parties import ClientId


def range_context(session_id: bytes, client: ClientId) -> bytes:
    """Return the context of the proof that a client's quality lies in its range."""
    return domain_tag("quality sum/range", session_id, encode_id(client))


def knowledge_context(session_id: bytes, client: ClientId, ciphertext: bytes) -> bytes:
    """Return the context of the proof that a client made its ciphertext itself."""
    return domain_tag("quality sum/knowledge", session_id, encode_id(client), ciphertext)


def decryption_context(session_id: bytes, client: ClientId, attempt: int) -> bytes:
    """Return the context of the proof that a partial decryption is right."""
    number = attempt.to_bytes(4, "little")
    return domain_tag("quality sum/decryption", session_id, encode_id(client), number)
