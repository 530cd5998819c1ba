"""What holds for the messages of threshold ElGamal, key generation and Paillier sums alike."""

import pytest

from crypto.errors import ParameterError
from crypto.protocols.dkg import accusations
from crypto.protocols.dkg import messages as dkg
from crypto.protocols.elgamal_sum import messages as elgamal
from crypto.protocols.elgamal_sum.parameters import ElGamalParameters
from crypto.protocols.masking import messages as masking
from crypto.protocols.paillier_sum import messages as paillier
from crypto.wire import message_type
from tests.crypto.message_laws import sample_laws

SID, NONCE, SIG = bytes(range(32)), bytes(16), bytes(64)
KEY = elgamal.KeyAnnouncement(NONCE, 1, "secp256k1", (1, 2, 3), 2, bytes(66), bytes(32))
PARAMETERS = ElGamalParameters(5, 100, 3)
UPLOAD = paillier.EncryptedVector(SID, 1, b"abc", b"proofs")
PAILLIER_KEY = paillier.KeyAnnouncement(1, (1, 2, 3), 3, b"\x0f\x01")
POSTING = dkg.Posting(1, b"body", SIG)

SAMPLES = [
    KEY,
    elgamal.Invitation(NONCE, 7, (1, 2, 3), PARAMETERS, KEY, SIG, b"sealed"),
    elgamal.Readiness(SID, 4),
    elgamal.UploadRequest(SID, (1, 2)),
    elgamal.EncryptedVector(SID, 1, b"c1", b"c2", b"knowledge", b"proofs", SIG),
    elgamal.UploadReceipt(SID, 1, b"c1", b"knowledge"),
    elgamal.DecryptionRequest(
        SID,
        (elgamal.UploadReceipt(SID, 1, b"x", b"y"), elgamal.UploadReceipt(SID, 2, b"", b"")),
        (SIG, b""),
    ),
    elgamal.PartialDecryptions(SID, 1, b"powers", b"proof"),
    dkg.Invitation(NONCE, 9, (1, 2, 3), 2, "secp256k1", True),
    dkg.AdvertisedKeys(SID, 1, ((2, bytes(32)), (3, SID))),
    dkg.Board(SID, (POSTING, dkg.Posting(3, b"", b""))),
    dkg.FeldmanCommitments(SID, 1, b"elements"),
    dkg.Dealing(SID, 1, bytes(32), b"elements", ((2, b"x"), (3, b"yz"))),
    accusations.Complaints(SID, 1, (2, 3), (accusations.Evidence(3, SID, bytes(32)),)),
    accusations.Exposures(SID, 1, ((2, b"pair"),), bytes(32)),
    accusations.Reveals(SID, 1, ()),
    accusations.Confirmation(SID, 1, bytes(32)),
    PAILLIER_KEY,
    paillier.Invitation(NONCE, 7, (1, 2, 3), 5, True, PAILLIER_KEY, SIG),
    paillier.Readiness(SID, 4),
    paillier.UploadRequest(SID, (1, 2)),
    UPLOAD,
    paillier.ConsentRequest(SID, (UPLOAD,), (SIG,)),
    paillier.Consent(SID, 1, bytes(32)),
    paillier.DecryptionOrder(SID, b"product", ((1, SIG), (2, b""))),
    paillier.DecryptedSum(SID, (0, 2**64)),
]

TestSamples = sample_laws(SAMPLES)


def test_type_numbers_are_unique_and_in_their_range():
    numbers = {}
    for module, low, high in (
        (masking, 1, 31),
        (elgamal, 32, 39),
        (dkg, 40, 51),
        (paillier, 52, 63),
    ):
        for kind in module.MessageType:
            assert low <= kind <= high
            assert kind.value not in numbers
            numbers[kind.value] = kind
    assert {message_type(message.to_bytes()) for message in SAMPLES} == {
        number for number in numbers if number >= 32
    }


def test_messages_that_contradict_themselves_cannot_be_made():
    other = bytes(32)
    receipt = elgamal.UploadReceipt(SID, 1, b"", b"")
    for make in (
        lambda: elgamal.KeyAnnouncement(NONCE, 1, "g", (1, 2), 3, b"", bytes(32)),
        lambda: elgamal.KeyAnnouncement(NONCE, 0, "g", (1, 2), 2, b"ab", bytes(32)),
        lambda: elgamal.KeyAnnouncement(NONCE, 2**64, "g", (1, 2), 2, b"ab", bytes(32)),
        lambda: elgamal.KeyAnnouncement(NONCE, 1, "g", (1, 2), 2, b"abc", bytes(32)),
        lambda: elgamal.UploadRequest(SID, (2, 1)),
        lambda: elgamal.DecryptionRequest(other, (receipt,), (b"",)),
        lambda: elgamal.DecryptionRequest(SID, (receipt,), ()),
        lambda: elgamal.DecryptionRequest(SID, (receipt,), (b"short",)),
        lambda: elgamal.EncryptedVector(SID, 1, b"", b"", b"", b"", b"short"),
        lambda: ElGamalParameters(1, 0, 3),
        lambda: ElGamalParameters(1, 2**32, 3),
        lambda: ElGamalParameters(-1, 5, 3),
        lambda: ElGamalParameters(1, 5, 1),
        lambda: dkg.Invitation(NONCE, 1, (1, 2), 3, "g", True),
        lambda: dkg.Invitation(NONCE, 1, (1, 2), 0, "g", True),
        lambda: dkg.Invitation(NONCE, 0, (1, 2), 2, "g", True),
        lambda: dkg.Invitation(NONCE, 2**64, (1, 2), 2, "g", True),
        lambda: dkg.Invitation(NONCE, 1, (2, 1), 2, "g", True),
        lambda: dkg.Invitation(NONCE, 1, (1, 2), 2, "\xe9", True),
        lambda: dkg.Invitation(NONCE[1:], 1, (1, 2), 2, "g", True),
        lambda: dkg.AdvertisedKeys(SID, 1, ((2, bytes(31)),)),
        lambda: dkg.AdvertisedKeys(SID, 1, ((2, SID), (2, SID))),
        lambda: dkg.Dealing(SID, 1, bytes(31), b"", ()),
        lambda: dkg.Dealing(SID, 1, SID, b"", ((2, b""), (2, b""))),
        lambda: dkg.Board(SID, (POSTING, POSTING)),
        lambda: dkg.Board(SID, (dkg.Posting(1, b"", b"short"),)),
        lambda: accusations.Complaints(SID, 1, (3, 2)),
        lambda: accusations.Complaints(SID, 1, (2,), (accusations.Evidence(3, SID, SID),)),
        lambda: accusations.Complaints(SID, 1, (2,), (accusations.Evidence(2, SID, SID),) * 2),
        lambda: accusations.Evidence(2, SID[1:], SID),
        lambda: accusations.Evidence(2, SID, SID[1:]),
        lambda: accusations.Exposures(SID, 1, ((3, b""), (2, b"")), SID),
        lambda: accusations.Exposures(SID, 1, (), SID[1:]),
        lambda: accusations.Confirmation(SID, 1, SID[1:]),
        lambda: paillier.KeyAnnouncement(1, (1, 2), 2, b"\x0f"),
        lambda: paillier.KeyAnnouncement(1, (1, 2, 3), 1, b"\x0f"),
        lambda: paillier.KeyAnnouncement(0, (1, 2, 3), 3, b"\x0f"),
        lambda: paillier.KeyAnnouncement(2**64, (1, 2, 3), 3, b"\x0f"),
        lambda: paillier.ConsentRequest(other, (UPLOAD,), (SIG,)),
    ):
        with pytest.raises(ParameterError):
            make()
