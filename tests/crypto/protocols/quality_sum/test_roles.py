"""What the roles of a joint session do with what is no proper message, each on its own."""

from dataclasses import replace

import numpy as np
import pytest

from crypto.elgamal.discrete_log import MAX_BOUND
from crypto.errors import MalformedMessageError, ParameterError, WrongTimeError
from crypto.parties import SERVER
from crypto.protocols.masking.messages import DeliveredShares, ShareComplaint
from crypto.protocols.quality_sum.client import QualityClient
from crypto.protocols.quality_sum.messages import EncryptedQuality, QualityUpload
from crypto.protocols.quality_sum.parameters import QualityParameters
from crypto.session.signing import sign_message, split_signed
from tests.crypto.protocols.quality_sum.cast import Cast


def test_a_client_without_a_share_of_the_system_key_joins_nothing():
    cast = Cast()
    client = QualityClient(1, cast.masking.client(1), proofs=False, checked=False)
    with pytest.raises(WrongTimeError, match="no share") as caught:
        client.join(cast.server.invitation.to_bytes())
    assert caught.value.culprit == SERVER


def test_a_complaint_about_shares_goes_out_as_it_is():
    cast = Cast(hardened=True).join().step("share keys")
    for client, data in cast.openings["masked input"]().items():
        delivered = DeliveredShares.from_bytes(data)
        (dealer, pair), *others = delivered.ciphertexts
        spoilt = replace(
            delivered, ciphertexts=((dealer, pair[:-1] + bytes([pair[-1] ^ 1])), *others)
        )
        given = cast.contribution(client)
        answer = cast.parts[client].step("masked input", spoilt.to_bytes(), given)
        assert split_signed(ShareComplaint, answer, signed=True)[0].accused == (dealer,)


def test_what_is_no_message_is_refused_and_names_its_sender():
    cast = Cast().join().step("share keys")
    for data in (b"", b"garbage"):
        with pytest.raises(MalformedMessageError) as caught:
            cast.server.receive(2, data)
        assert caught.value.culprit == 2


@pytest.mark.parametrize("hardened", [False, True])
def test_a_quality_that_is_no_ciphertext_is_refused_and_names_its_sender(hardened):
    cast = Cast(hardened=hardened).join().step("share keys")
    data = cast.openings["masked input"]()[2]
    upload = QualityUpload.from_bytes(
        cast.parts[2].step("masked input", data, cast.contribution(2))
    )
    quality, _, _ = split_signed(EncryptedQuality, upload.quality, signed=hardened)
    for ciphertext in (b"", b"\xff" * len(quality.ciphertext)):
        made = sign_message(replace(quality, ciphertext=ciphertext), cast.masking.identity(2))
        with pytest.raises(MalformedMessageError) as caught:
            cast.server.receive(2, replace(upload, quality=made).to_bytes())
        assert caught.value.culprit == 2
    cast.server.receive(2, upload.to_bytes())


@pytest.mark.parametrize("wrong", [{"phi": -1}, {"phi": 2**62}, {"max_quality": 0}])
def test_impossible_parameters_are_refused(wrong):
    allowed = {"phi": 0, "max_quality": 1, "proofs": False, "checked": False}
    QualityParameters(**allowed)
    QualityParameters(**{**allowed, "phi": 2**62 - 1, "max_quality": MAX_BOUND})
    with pytest.raises(ParameterError):
        QualityParameters(**{**allowed, **wrong})


def test_qualities_lie_in_their_range():
    parameters = QualityParameters(0, 7, proofs=False, checked=False)
    for quality in (0, 7, np.int64(7)):
        parameters.check_quality(quality)
    for quality in (-1, 8, 1.0, True):
        with pytest.raises(ParameterError):
            parameters.check_quality(quality)
