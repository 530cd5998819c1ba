"""What a server holds of one client before masks cancel: the upload of a real session."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from crypto.encoding import bit_packing
from crypto.parties import ClientId
from crypto.protocols.masking.messages import MaskedVector
from crypto.protocols.masking.session import DoubleMasking
from crypto.session.faults import Alter, Fault
from tff_health.errors import RunError

_STAGE = "masked input"


def masked_upload(
    vectors: Mapping[ClientId, NDArray[np.uint64]], modulus_bits: int, client: ClientId
) -> NDArray[np.uint64]:
    """Runs a session of double masking and returns one client's upload.

    Args:
        vectors: of three clients or more, values modulo 2^modulus_bits.
        modulus_bits: k.
        client: whose upload.

    Returns:
        uint64, as long as the vectors: the client's vector under its masks.

    Raises:
        RunError: if the client uploaded nothing.
    """
    seen: list[bytes] = []

    def note(data: bytes) -> bytes:
        seen.append(data)
        return data

    # Unsigned: a signature after the vector says nothing about it.
    DoubleMasking(signed=False).sum(
        vectors,
        modulus_bits,
        round_id=1,
        faults=[Fault(Alter(note), stage=_STAGE, sender=client)],
    )
    if not seen:
        raise RunError(f"client {client} uploaded nothing")
    packed = MaskedVector.from_bytes(seen[0]).packed
    words = bit_packing.unpack(packed, len(vectors[client]), modulus_bits)
    return np.asarray(words, np.uint64)
