"""Every kind of message: one that was sent, and encodings that must be refused."""

import dataclasses

import numpy as np

from crypto.codec import Message
from crypto.errors import MalformedMessageError
from crypto.primitives.signatures import SIGNATURE_BYTES
from crypto.protocols.homomorphic_sum import messages as homomorphic
from crypto.protocols.masking import messages as masking
from crypto.protocols.paillier_sum import messages as paillier
from crypto.protocols.sparse_sum import messages as sparse
from crypto.protocols.verified_sum import messages as verified
from crypto.session.apart import delivery_messages as delivery
from crypto.session.apart import envelopes
from crypto.wire import message_type
from tests.crypto.vectors.form import plain
from tests.crypto.vectors.operations import OPERATIONS
from tests.crypto.vectors.sessions import LONG, ONLY_LENGTHS, SESSIONS, kinds, name_of, record

TURNED_BYTES = 160
SID, NONCE, SIGNATURE = bytes(range(32)), bytes(range(16)), bytes(range(64))


def sent():
    """Type number -> a message of that kind: from the sessions, or made by hand."""
    found, known = {}, kinds()
    for name in (name for name in SESSIONS if name not in ONLY_LENGTHS | LONG):
        for _, _, _, data in record(name)[0].messages:
            kind = known[message_type(data)]
            for message in _with_parts(_read(kind, data)):
                found.setdefault(int(message.TYPE), message)
    for message in _not_on_the_wire(found):
        for part in _with_parts(message):
            found.setdefault(int(part.TYPE), part)
    return dict(sorted(found.items()))


def _read(kind, data):
    """Read a message, with or without a signature after it."""
    try:
        return kind.from_bytes(data)
    except MalformedMessageError:
        return kind.from_bytes(data[:-SIGNATURE_BYTES])


def _with_parts(message):
    """Yield a message, and the messages that are fields of it."""
    yield message
    for field in dataclasses.fields(message):
        value = getattr(message, field.name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Message):
                yield from _with_parts(part)
            elif isinstance(part, bytes) and part[:2] == b"th":
                yield from _with_parts(_read(kinds()[message_type(part)], part))


def _not_on_the_wire(found):
    """Yield messages between server and key holder, of Paillier and verified sums, and envelopes.

    Paillier's own randomness is not ours to say; its messages are made of given bytes.
    """
    by_kind = {type(message): message for message in found.values()}
    invitation = by_kind[homomorphic.Invitation]
    vector = by_kind[homomorphic.EncryptedUpload].vector
    consents = (SIGNATURE,) * len(invitation.cohort)
    yield masking.ShareComplaint(SID, 4, (2, 7))
    yield homomorphic.DecryptionOrder(invitation, vector, consents)
    yield homomorphic.DecryptedSum.of(SID, np.array([0, 1, 2**61], np.int64))
    yield sparse.SumsOrder(by_kind[sparse.SparseInvitation], (vector, vector), consents)
    yield sparse.DecryptedSums.of(SID, np.array([0, 1, 2**61], np.int64))
    packed = {"key_bits": 256, "value_bits": 20, "addends": 10, "values": [1, 2, 3]}
    yield _read(kinds()[96], OPERATIONS["packed paillier"](**packed, random="message")["message"])
    key = paillier.KeyAnnouncement(1, (1, 2, 3), 3, b"\x0f\x01")
    upload = paillier.EncryptedVector(SID, 1, b"ciphertexts", b"proofs")
    yield paillier.Invitation(NONCE, 7, (1, 2, 3), 5, True, key, SIGNATURE, binding=SID)
    yield paillier.Readiness(SID, 4)
    yield paillier.UploadRequest(SID, (1, 2))
    yield paillier.ConsentRequest(SID, (upload,), (SIGNATURE,))
    yield paillier.Consent(SID, 1, bytes(32))
    yield paillier.DecryptionOrder(SID, b"product", ((1, SIGNATURE), (2, b"")))
    yield paillier.DecryptedSum(SID, (0, 2**64))
    yield envelopes.Request(NONCE, 5, "study/sum", "upload", b"message")
    yield envelopes.Answer(NONCE, 5, 1234, b"message")
    yield envelopes.RefusedRequest(NONCE, 5, "ReplayError", 2**32 + 1, "a second message")
    yield delivery.DeliveryKey(SID, 3, bytes(32))
    yield delivery.DealingOrder(b"order", (b"signed key", b"another"))
    yield delivery.Delivery(SID, 3, bytes(32), b"ciphertext")
    yield delivery.Dealt(((1, b"signed delivery"), (4, b"another")), b"public part")
    yield verified.VerifiedInvitation(b"invitation", 306_063, bytes(32), 306_000, 1 << 16)
    yield verified.CommitmentRequest(SID)
    yield verified.CommittedVector(SID, 4, b"commitment")
    yield verified.ProvenVector(SID, 4, b"signed commitment", b"proof")
    yield verified.UploadRequest(SID, ((1, bytes(32)), (4, SID)), b"request")
    yield verified.PublishedSum(SID, (b"signed commitment", b"another"), b"sum", b"secret", (0, 9))
    yield verified.SumReceipt(SID, 4, bytes(32))
    yield verified.Transcript(b"invitation", b"signed sum", (b"proof", b"another"))


def bad_encodings(data):
    """Reason -> bytes that are no encoding of this kind, whatever the kind."""
    return {
        "nothing": b"",
        "the header alone, cut": data[:3],
        "another magic": b"ht" + data[2:],
        "another version": data[:2] + b"\x02" + data[3:],
        "another kind": data[:3] + bytes([data[3] ^ 0x80]) + data[4:],
        "half": data[: len(data) // 2],
        "a byte too few": data[:-1],
        "a byte too many": data + b"\0",
    }


def is_refused(kind, data):
    try:
        kind.from_bytes(data)
    except MalformedMessageError:
        return True
    return False


def turned(data, position):
    """Return the bytes with all bits of one of them turned over."""
    return data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :]


def as_ranges(numbers):
    """Return increasing numbers as pairs [first, last] of neighbours."""
    ranges = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges


def content():
    """Return the content of messages.json."""
    entries = []
    for number, message in sent().items():
        data, kind = message.to_bytes(), type(message)
        bad = bad_encodings(data)
        assert all(is_refused(kind, wrong) for wrong in bad.values())
        first = range(min(len(data), TURNED_BYTES))
        entries.append(
            {
                "kind": name_of(kind),
                "type": number,
                "good": data.hex(),
                "fields": plain(message),
                "bad": [{"why": why, "bytes": wrong.hex()} for why, wrong in bad.items()],
                "turned": as_ranges(at for at in first if is_refused(kind, turned(data, at))),
            }
        )
    return {"about": "Messages of all protocols. README.md has the form.", "messages": entries}
