"""The terms of the paper's cost formulas (section 6), and the messages of scheme V in these terms.

Every byte of a message is a term of a formula, or an overhead that has a name.
"""

from collections.abc import Callable
from dataclasses import dataclass

from crypto.primitives.shamir import SHARE_BYTES
from crypto.protocols.masking.messages import MaskedVector
from crypto.protocols.pairwise_masking import messages as pairwise
from crypto.protocols.quality_sum import messages as joint
from crypto.session.messages import SESSION_ID_BYTES
from crypto.wire import HEADER_BYTES, message_type
from tff_health.errors import RunError

_ID = _COUNT = _LENGTH = _ATTEMPT = 4
_HEAD = HEADER_BYTES + SESSION_ID_BYTES

SHARES = "shares of mask keys"
HELP = "partial decryption"
QUALITY = "ciphertext of the quality"
VECTOR = "masked update"
TERMS = (SHARES, HELP, QUALITY, VECTOR)
"""What the paper's formulas count."""

HEADS = "headers, session and sender"
TAGS = "authentication tags of shares"
LISTS = "ids and lengths"
ROUNDING = "last byte of the update, filled up"
SET_UP = "invitation and keys of the round"
NOTICE = "list of dropped clients"
OVERHEADS = (HEADS, TAGS, LISTS, ROUNDING, SET_UP, NOTICE)
"""What they leave out."""


@dataclass(frozen=True)
class CostTask:
    """A session.

    Attributes:
        num_clients: n.
        num_dropped: d, who vanish after they shared their keys.
        length: m, numbers in an update.
        modulus_bits: log2 R.
        max_quality: the largest quality.
    """

    num_clients: int
    num_dropped: int
    length: int
    modulus_bits: int
    max_quality: int


def is_counted_for_server(data: bytes) -> bool:
    """Whether section 6.2.2 counts a message: uploads, shares of dropped clients, help."""
    counted = (joint.QualityUpload, pairwise.KeyShares, joint.HelpRequest, joint.PartialDecryption)
    return message_type(data) in {kind.TYPE for kind in counted}


def parts_of(data: bytes, task: CostTask) -> dict[str, int]:
    """Takes one message apart, by its layout.

    Args:
        data: the message.
        task: of its session.

    Returns:
        bytes by term and overhead, `len(data)` in all.

    Raises:
        RunError: for a message that a session of scheme V has not, or whose parts do not make it.
    """
    take_apart = _LAYOUTS.get(message_type(data))
    if take_apart is None:
        raise RunError(f"a message of type {message_type(data)} that the formulas do not know")
    parts = take_apart(data, task)
    if sum(parts.values()) != len(data):
        raise RunError(f"a message of {len(data)} bytes has parts of {parts}")
    return parts


def _encrypted_shares(data: bytes, _: CostTask) -> dict[str, int]:
    dealt = message_type(data) == pairwise.EncryptedKeyShares.TYPE
    kind = pairwise.EncryptedKeyShares if dealt else pairwise.DeliveredKeyShares
    count = len(kind.from_bytes(data).ciphertexts)
    return {
        SHARES: count * SHARE_BYTES,
        TAGS: count * (pairwise.CIPHERTEXT_BYTES - SHARE_BYTES),
        HEADS: _HEAD + (_ID if dealt else 0),
        LISTS: _COUNT + count * _ID,
    }


def _key_shares(data: bytes, _: CostTask) -> dict[str, int]:
    count = len(pairwise.KeyShares.from_bytes(data).shares)
    return {SHARES: count * SHARE_BYTES, HEADS: _HEAD + _ID, LISTS: _COUNT + count * _ID}


def _upload(data: bytes, task: CostTask) -> dict[str, int]:
    upload = joint.QualityUpload.from_bytes(data)
    quality = joint.EncryptedQuality.from_bytes(upload.quality)
    masked = MaskedVector.from_bytes(upload.masked)
    whole_bytes = task.length * task.modulus_bits // 8
    return {
        QUALITY: len(quality.ciphertext),
        VECTOR: whole_bytes,
        ROUNDING: len(masked.packed) - whole_bytes,
        # The upload holds two messages of their own, each with a header, session and sender.
        HEADS: HEADER_BYTES + 2 * (_HEAD + _ID),
        LISTS: 6 * _LENGTH,  # of three fields, of ciphertext and proof, of the packed vector
    }


def _help_request(data: bytes, _: CostTask) -> dict[str, int]:
    base = joint.HelpRequest.from_bytes(data).base
    return {HELP: len(base), HEADS: _HEAD, LISTS: _ATTEMPT + _LENGTH}


def _partial_decryption(data: bytes, _: CostTask) -> dict[str, int]:
    value = joint.PartialDecryption.from_bytes(data).value
    return {HELP: len(value), HEADS: _HEAD + _ID, LISTS: _ATTEMPT + 2 * _LENGTH}


def _dropped_clients(data: bytes, _: CostTask) -> dict[str, int]:
    count = len(pairwise.DroppedClients.from_bytes(data).dropped)
    return {NOTICE: count * _ID, HEADS: _HEAD, LISTS: _COUNT}


def _set_up(data: bytes, _: CostTask) -> dict[str, int]:
    return {SET_UP: len(data)}


_LAYOUTS: dict[int, Callable[[bytes, CostTask], dict[str, int]]] = {
    pairwise.EncryptedKeyShares.TYPE: _encrypted_shares,
    pairwise.DeliveredKeyShares.TYPE: _encrypted_shares,
    pairwise.KeyShares.TYPE: _key_shares,
    pairwise.DroppedClients.TYPE: _dropped_clients,
    joint.QualityUpload.TYPE: _upload,
    joint.HelpRequest.TYPE: _help_request,
    joint.PartialDecryption.TYPE: _partial_decryption,
    joint.QualityInvitation.TYPE: _set_up,
    pairwise.DealtKeys.TYPE: _set_up,
    pairwise.PublicKeys.TYPE: _set_up,
    pairwise.KeyList.TYPE: _set_up,
}
