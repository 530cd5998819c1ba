"""Laws of the messages of pairwise masking and of joint sessions, and what they refuse to hold."""

import pytest

from crypto.errors import ParameterError
from crypto.protocols.dkg.messages import MessageType as DkgType
from crypto.protocols.elgamal_sum.messages import MessageType as ElGamalType
from crypto.protocols.masking.messages import MessageType as DoubleType
from crypto.protocols.masking.parameters import MaskingParameters
from crypto.protocols.pairwise_masking.messages import (
    DealtKeys,
    KeyList,
    PairwiseInvitation,
    PublicKeys,
)
from crypto.protocols.pairwise_masking.messages import MessageType as PairwiseType
from crypto.protocols.quality_sum.key_messages import DealtSystemKey, SystemKeyOffer
from crypto.protocols.quality_sum.messages import HelpRequest, PartialDecryption, QualityInvitation
from crypto.protocols.quality_sum.messages import MessageType as JointType
from crypto.protocols.quality_sum.parameters import QualityParameters
from crypto.wire import message_names
from tests.crypto.message_laws import message_laws
from tests.crypto.protocols.quality_sum.strategies import JOINT, PAIRWISE

SESSION = bytes(32)


TestLaws = message_laws({**PAIRWISE, **JOINT})


def test_every_type_has_its_number_and_no_two_protocols_share_one():
    shared = PairwiseType.MASKED_VECTOR
    assert shared == DoubleType.MASKED_VECTOR
    assert sorted(kind.TYPE for kind in PAIRWISE) == sorted(set(PairwiseType) - {shared})
    assert sorted(kind.TYPE for kind in JOINT) == sorted(JointType)
    numbers = [*DoubleType, *ElGamalType, *DkgType, *(set(PairwiseType) - {shared}), *JointType]
    assert len(set(numbers)) == len(numbers)
    assert len(message_names(PairwiseType, JointType)) == len(PairwiseType) + len(JointType)


def test_secrets_stay_out_of_reprs():
    secret = bytes(range(100, 132))
    for message in (
        DealtKeys(SESSION, 1, secret, secret),
        DealtSystemKey(SESSION, 1, (b"public",), secret),
    ):
        assert str(secret) not in repr(message)
        assert "receiver=1" in repr(message)


def test_sessions_are_told_apart_by_all_that_is_announced():
    parameters = QualityParameters(1, 100, proofs=False, checked=False)
    base = QualityInvitation(b"masks", bytes(32), parameters)
    others = [
        QualityInvitation(b"masks2", bytes(32), parameters),
        QualityInvitation(b"masks", b"\1" * 32, parameters),
        *(
            QualityInvitation(b"masks", bytes(32), QualityParameters(*changed))
            for changed in (
                (2, 100, False, False),
                (1, 101, False, False),
                (1, 100, True, False),
                (1, 100, False, True),
            )
        ),
    ]
    assert len({message.session_id() for message in [base, *others]}) == 7


PARAMETERS = MaskingParameters(1, 20, 2, 2, 2, signed=False)


@pytest.mark.parametrize(
    "make",
    [
        lambda: PairwiseInvitation(bytes(15), 1, (1, 2, 3), PARAMETERS, dealt=True),
        lambda: PairwiseInvitation(bytes(16), 1, (2, 1), PARAMETERS, dealt=True),
        lambda: PairwiseInvitation(
            bytes(16), 1, (1, 2, 3), MaskingParameters(1, 20, 2, 2, 2), dealt=True
        ),
        lambda: DealtKeys(SESSION, 2**32, bytes(32), bytes(32)),
        lambda: DealtKeys(SESSION, 1, bytes(31), bytes(32)),
        lambda: PublicKeys(SESSION, 1, bytes(32), bytes(33)),
        lambda: KeyList(SESSION, (PublicKeys(b"\1" * 32, 1, bytes(32), bytes(32)),)),
        lambda: HelpRequest(SESSION, 2**32, b""),
        lambda: PartialDecryption(SESSION, 1, -1, b""),
        lambda: QualityInvitation(b"", bytes(31), QualityParameters(1, 1, False, False)),
        lambda: SystemKeyOffer(bytes(16), 1, (1, 2), 3, "group"),
        lambda: SystemKeyOffer(bytes(16), 0, (1, 2), 2, "group"),
        lambda: SystemKeyOffer(bytes(16), 1, (1, 2), 0, "group"),
        lambda: SystemKeyOffer(bytes(16), 1, (2, 1), 1, "group"),
        lambda: SystemKeyOffer(bytes(16), 1, (1, 2), 1, "gr\u00fcppe"),
        lambda: DealtSystemKey(SESSION, -1, (), b""),
    ],
)
def test_fields_out_of_range_are_refused(make):
    with pytest.raises(ParameterError):
        make()
