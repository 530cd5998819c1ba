"""A round computed by hand: equations (16) to (24) in plain integers, beside the roles' own.

The group is that of order q = 1019 modulo p = 2039, in which 2 generates. Secret s, polynomial and
the r_i are dictated; masks are what the generator makes of the pairwise seeds. Qualities (equations
(12) to (15)) are given; the product of quality and update is what a client contributes.
"""

import numpy as np
import pytest

from crypto.elgamal.encryption import Ciphertext
from crypto.encoding.residues import ResidueSum
from crypto.primitives.key_agreement import AgreementKeyPair
from crypto.primitives.prg import expand_mask
from crypto.protocols.masking.keys import pairwise_seed
from crypto.protocols.masking.messages import MaskedVector
from crypto.protocols.pairwise_masking.messages import DealtKeys, KeyShares
from crypto.protocols.quality_sum.messages import (
    EncryptedQuality,
    HelpRequest,
    PartialDecryption,
    QualityUpload,
)
from tests.crypto.protocols.quality_sum.cast import BITS, TINY, Cast

P, Q, R = 2039, 1019, 2**BITS
PHI = 5
UPDATES = {1: [3, -1, 4, 1], 2: [-5, 9, 2, -6], 3: [5, 3, -5, 8], 4: [7, 7, 7, 7]}
QUALITIES = {1: 20, 2: 31, 3: 7, 4: 50}
CONTRIBUTIONS = {
    1: [60, -20, 80, 20],
    2: [-155, 279, 62, -186],
    3: [35, 21, -35, 56],
    4: [350, 350, 350, 350],
}

SECRET, A1, A2 = 123, 45, 67  # f(x) = 123 + 45 x + 67 x^2 mod 1019
SHARES = {1: 235, 2: 481, 3: 861, 4: 356}
PUBLIC_KEY = 1462
R_I = {1: 11, 2: 222, 3: 333, 4: 444}


class Dictated:
    """A source that says what it was told: the next number, as many bytes as are asked for."""

    def __init__(self, *numbers):
        self._numbers = list(numbers)

    def bytes(self, count):
        return self._numbers.pop(0).to_bytes(count, "little")


def play(count):
    """A round of 3 clients, or of 4 whose last one drops out after it shared its keys."""
    cohort = range(1, count + 1)
    randomness = {c: Dictated(R_I[c] - 1) for c in cohort}  # 1 + a number below q - 1
    nonce = bytes(range(16))
    randomness["dealer"] = Dictated(int.from_bytes(nonce, "little"), SECRET - 1, A2, A1)
    randomness["server"] = Dictated(0, 0, 0)
    cast = Cast(
        count,
        phi=PHI,
        max_quality=60,
        group=TINY,
        vectors={c: np.array(CONTRIBUTIONS[c], np.int64) for c in cohort},
        qualities={c: QUALITIES[c] for c in cohort},
        randomness=randomness,
    )
    return cast.unmask(without=() if count == 3 else (4,))


def masks_by_hand(cast, client, peers):
    """Sum of the masks that a client shares with others, signs as in (16)."""
    dealt = {c: DealtKeys.from_bytes(data) for c, data in cast.down["dealt"].items()}
    keys = {c: AgreementKeyPair.from_private(message.mask_key) for c, message in dealt.items()}
    session_id = cast.mask_server.session_id
    total = [0] * 4
    for peer in peers:
        seed = pairwise_seed(client, keys[client], peer, keys[peer].public, session_id)
        sign = 1 if client < peer else -1
        total = [a + sign * int(b) for a, b in zip(total, expand_mask(seed, 4, BITS), strict=True)]
    return total


def uploads(cast):
    """Client -> (y_i, c_i1, c_i2) as the roles made them."""
    found = {}
    for client, data in cast.up["masked input"].items():
        upload = QualityUpload.from_bytes(data)
        total = ResidueSum(4, BITS)
        total.add_packed(MaskedVector.from_bytes(upload.masked).packed)
        quality = EncryptedQuality.from_bytes(upload.quality)
        pair = Ciphertext.from_bytes(quality.ciphertext, TINY)
        found[client] = total.to_array().tolist(), pair.c1, pair.c2
    return found


@pytest.fixture(params=[3, 4], ids=["nobody drops out", "client 4 drops out"])
def cast(request):
    return play(request.param)


def test_contributions_are_quality_times_update():
    for client, update in UPDATES.items():
        assert CONTRIBUTIONS[client] == [QUALITIES[client] * value for value in update]


def test_the_group():
    assert pow(2, Q, P) == 1
    assert all(pow(2, e, P) != 1 for e in range(1, Q))


def test_the_system_key(cast):
    for x, share in SHARES.items():
        assert share == (SECRET + A1 * x + A2 * x * x) % Q
    assert pow(2, SECRET, P) == PUBLIC_KEY
    assert cast.ready.system.public.h == PUBLIC_KEY
    assert {c: cast.ready.held[c].share.value for c in cast.cohort} == {
        c: SHARES[c] for c in cast.cohort
    }
    expected = tuple(pow(2, a, P) for a in (SECRET, A1, A2))
    assert cast.ready.system.key.commitments == expected


def test_equation_16_the_masked_vectors(cast):
    for client, (y, _, _) in uploads(cast).items():
        masks = masks_by_hand(cast, client, [c for c in cast.cohort if c != client])
        real_input = [value + PHI * QUALITIES[client] for value in CONTRIBUTIONS[client]]
        assert y == [(a + b) % R for a, b in zip(real_input, masks, strict=True)]


def test_equation_17_the_ciphertexts(cast):
    by_hand = {1: (9, 1163), 2: (1638, 621), 3: (507, 388), 4: (1759, 15)}
    for client, (_, c1, c2) in uploads(cast).items():
        assert c1 == pow(2, R_I[client], P)
        assert c2 == pow(2, QUALITIES[client], P) * pow(PUBLIC_KEY, R_I[client], P) % P
        assert (c1, c2) == by_hand[client]


def test_equation_18_theta(cast):
    theta = [0] * 4
    for client in (1, 2, 3):
        theta = [a + b for a, b in zip(theta, uploads(cast)[client][0], strict=True)]
    if len(cast.cohort) == 4:
        # The masks of client 4, each with its own sign, cancel what the others added for it.
        missing = masks_by_hand(cast, 4, [1, 2, 3])
        theta = [a + b for a, b in zip(theta, missing, strict=True)]
        for answer in cast.up["recovery"].values():
            assert [owner for owner, _ in KeyShares.from_bytes(answer).shares] == [4]
    theta = [value % R for value in theta]
    # 60 - 155 + 35 + 5 (20 + 31 + 7) = 230 and so on.
    assert theta == [230, 570, 397, 180]
    assert cast.server._unmasked.sum.tolist() == theta
    assert cast.server._unmasked.survivors == (1, 2, 3)


C1, C2 = 9 * 1638 * 507 % P, 1163 * 621 * 388 % P
DELTAS = {1: 3, 2: 1016, 3: 1}
LAMBDAS = {1: 1044, 2: 1062, 3: 143}
SHARED = 1581


def test_equation_19_the_product(cast):
    assert (C1, C2) == (1259, 715)
    assert pow(2, 11 + 222 + 333, P) == C1
    assert pow(2, 20 + 31 + 7, P) * pow(2, SECRET * (11 + 222 + 333), P) % P == C2
    total = cast.server._decryption._total
    assert (total.c1, total.c2) == (C1, C2)


def test_equation_20_what_is_sent_to_the_helpers(cast):
    points = (1, 2, 3)
    for i in points:
        delta = 1
        for j in points:
            if j != i:
                delta = delta * -j * pow(i - j, -1, Q) % Q
        assert delta == DELTAS[i]
    assert sum(DELTAS[i] * SHARES[i] for i in points) % Q == SECRET
    cast.decrypt()
    for client, data in cast.down["decryption"].items():
        base = TINY.decode(HelpRequest.from_bytes(data).base)
        assert base == pow(C1, DELTAS[client], P)
        assert base == {1: 782, 2: 1687, 3: 1259}[client]


def test_equation_21_partial_decryptions(cast):
    cast.decrypt()
    for client, data in cast.up["decryption"].items():
        value = TINY.decode(PartialDecryption.from_bytes(data).value)
        assert value == pow(C1, DELTAS[client] * SHARES[client] % Q, P)
        assert value == LAMBDAS[client]


def test_equations_22_and_23_the_sum_of_qualities(cast):
    product = LAMBDAS[1] * LAMBDAS[2] * LAMBDAS[3] % P
    assert product == SHARED == pow(C1, SECRET, P)
    power = C2 * pow(SHARED, -1, P) % P
    logarithm = next(m for m in range(Q) if pow(2, m, P) == power)
    assert logarithm == 58 == 20 + 31 + 7
    assert cast.decrypt().quality_sum == 58


def test_equation_24_the_sum_and_the_mean(cast):
    totals = cast.decrypt()
    by_hand = [value - PHI * 58 for value in (230, 570, 397, 180)]
    assert by_hand == [-60, 280, 107, -110]
    assert totals.sum.tolist() == [value % R for value in by_hand]
    mean = [value / 58 for value in by_hand]
    weighted = np.average(
        [UPDATES[c] for c in (1, 2, 3)], axis=0, weights=[QUALITIES[c] for c in (1, 2, 3)]
    )
    np.testing.assert_allclose(mean, weighted)
