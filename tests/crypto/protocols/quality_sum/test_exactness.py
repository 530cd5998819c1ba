"""Both sums equal the plain ones, bit for bit, whatever the cohort, the group and the dropouts."""

import functools
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.errors import ParameterError
from crypto.groups.edwards25519 import EDWARDS25519
from crypto.groups.ffdhe import FFDHE2048, FFDHE3072
from crypto.groups.secp256k1 import SECP256K1
from crypto.protocols.pairwise_masking.session import PairwiseMasking
from crypto.protocols.quality_sum.joint import JointSum
from crypto.protocols.quality_sum.key_sources import DealtKeys
from crypto.protocols.quality_sum.session import HardenedQualitySum, QualitySum
from crypto.session.secure_sum import SessionAbortedError
from crypto.session.thresholds import plan_threshold
from tests.crypto.conformance import random_vectors
from tests.crypto.protocols.quality_sum.cast import plain_sums

ROUND_IDS = itertools.count()  # protocols are shared, and open one sum a round

KINDS = [
    (QualitySum, "authority"),
    (QualitySum, "dkg"),
    (HardenedQualitySum, "authority"),
    (HardenedQualitySum, "dkg"),
]
every_kind = pytest.mark.parametrize(("kind", "key_setup"), KINDS)
MAX_QUALITY = 99


def assert_exact(result, vectors, qualities, bits):
    total, quality_sum = plain_sums(vectors, qualities, result.survivors, bits)
    assert result.sum.dtype == np.uint64
    np.testing.assert_array_equal(result.sum, total)
    assert result.quality_sum == quality_sum


@pytest.mark.parametrize(
    "group", [FFDHE2048, FFDHE3072, SECP256K1, EDWARDS25519], ids=lambda g: g.name
)
@every_kind
def test_every_group(kind, key_setup, group):
    protocol = kind(group=group, key_setup=key_setup, phi=17)
    vectors = random_vectors((1, 5, 8, 9), 7, 32)
    qualities = {1: 0, 5: 3, 8: 2, 9: 3}
    slow = group in (FFDHE2048, FFDHE3072)
    for dropouts in ({5: "masked input"},) if slow else ({}, {5: "masked input"}):
        result = protocol.sum(
            vectors, qualities, 32, max_quality=3, round_id=next(ROUND_IDS), dropouts=dropouts
        )
        assert result.survivors == tuple(c for c in vectors if c not in dropouts)
        assert result.refusals == ()
        assert_exact(result, vectors, qualities, 32)


@functools.cache
def protocol_for(kind, key_setup, phi):
    return kind(key_setup=key_setup, phi=phi)


@st.composite
def sessions(draw):
    cohort = draw(st.lists(st.integers(0, 12), min_size=3, max_size=7, unique=True))
    bits = draw(st.integers(1, 62))
    length = draw(st.integers(0, 6))
    values = st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    vectors = {
        c: np.array(draw(st.lists(values, min_size=length, max_size=length)), np.int64)
        for c in cohort
    }
    qualities = {c: draw(st.integers(0, MAX_QUALITY)) for c in cohort}
    gone = draw(st.lists(st.sampled_from(cohort), unique=True, max_size=3))
    stages = draw(st.lists(st.integers(0, 5), min_size=3, max_size=3))
    phi = draw(st.sampled_from([0, 1, 2**62 - 1]))
    return vectors, qualities, bits, dict(zip(gone, stages, strict=False)), phi


@every_kind
@settings(max_examples=15, deadline=None)
@given(session=sessions())
def test_any_session_is_exact_or_aborts_for_want_of_clients(kind, key_setup, session):
    vectors, qualities, bits, plan, phi = session
    # A new one each time: after an abort, clients would give the same small vectors in no other.
    protocol = kind(key_setup=key_setup, phi=phi)
    dropouts = {client: protocol.stages[stage] for client, stage in plan.items()}
    left = len(vectors) - len(dropouts)
    needed = plan_threshold(len(vectors), signed=kind is HardenedQualitySum)
    try:
        result = protocol.sum(
            vectors,
            qualities,
            bits,
            max_quality=MAX_QUALITY,
            round_id=next(ROUND_IDS),
            dropouts=dropouts,
        )
    except SessionAbortedError:
        assert left < needed
        return
    assert result.refusals == ()
    upload = protocol.stages.index("masked input")
    expected = {c for c in vectors if c not in plan or plan[c] > upload}
    assert set(result.survivors) == expected
    assert left >= needed
    assert_exact(result, vectors, qualities, bits)


@every_kind
def test_dropouts_at_every_stage(kind, key_setup):
    protocol = protocol_for(kind, key_setup, 1)
    cohort = (1, 2, 3, 4, 5, 6)
    vectors, qualities = (
        random_vectors(cohort, 5, 40),
        dict(zip(cohort, (0, 1, 2, 3, 4, 7), strict=True)),
    )
    upload = protocol.stages.index("masked input")
    protocol.sum(vectors, qualities, 40, max_quality=7, round_id=next(ROUND_IDS))
    for number, stage in enumerate(protocol.stages[1:], start=1):
        for gone in ((1,), (6,), *([(2, 5)] if kind is QualitySum else [])):
            result = protocol.sum(
                vectors,
                qualities,
                40,
                max_quality=7,
                round_id=next(ROUND_IDS),
                dropouts=dict.fromkeys(gone, stage),
            )
            survivors = cohort if number > upload else [c for c in cohort if c not in gone]
            assert result.survivors == tuple(survivors)
            assert_exact(result, vectors, qualities, 40)


@pytest.mark.parametrize("threshold", [4, 5])
def test_a_higher_threshold(threshold):
    protocol = QualitySum(threshold=threshold)
    vectors = random_vectors(range(5), 5, 20)
    qualities = dict.fromkeys(vectors, 1)
    gone = dict.fromkeys(range(5 - threshold), "recovery")
    result = protocol.sum(
        vectors, qualities, 20, max_quality=1, round_id=next(ROUND_IDS), dropouts=gone
    )
    assert_exact(result, vectors, qualities, 20)
    one_more = dict.fromkeys(range(6 - threshold), "recovery")
    with pytest.raises(SessionAbortedError):
        protocol.sum(
            vectors, qualities, 20, max_quality=1, round_id=next(ROUND_IDS), dropouts=one_more
        )


def test_the_table_is_kept_where_it_is_told(tmp_path):
    protocol = QualitySum(table_cache=tmp_path)
    vectors = random_vectors(range(3), 2, 20)
    protocol.sum(
        vectors, dict.fromkeys(vectors, 5000), 20, max_quality=5000, round_id=next(ROUND_IDS)
    )
    assert list(tmp_path.iterdir())


# Refused at the door

VECTORS = random_vectors((1, 2, 3), 4, 20)
FINE = {1: 3, 2: 4, 3: 5}


@pytest.mark.parametrize(
    ("qualities", "max_quality"),
    [
        ({1: 3, 2: 4}, 10),
        ({**FINE, 4: 1}, 10),
        ({**FINE, 3: -1}, 10),
        ({**FINE, 3: 11}, 10),
        ({**FINE, 3: 1.0}, 10),
        ({**FINE, 3: True}, 10),
        ({**FINE, 3: None}, 10),
        (FINE, 0),
        (FINE, -1),
        (FINE, 2**40 + 1),
        (FINE, 2**40),  # times three clients
    ],
)
@pytest.mark.parametrize("kind", [QualitySum, HardenedQualitySum])
def test_unfit_qualities_are_refused(kind, qualities, max_quality):
    with pytest.raises(ParameterError):
        kind().sum(VECTORS, qualities, 20, max_quality=max_quality, round_id=1)


def test_numpy_integers_are_integers():
    qualities = {c: np.int64(q) for c, q in FINE.items()}
    result = QualitySum().sum(VECTORS, qualities, 20, max_quality=10, round_id=1)
    assert result.quality_sum == 12
    assert type(result.quality_sum) is int


@pytest.mark.parametrize("phi", [-1, 2**62])
@pytest.mark.parametrize("kind", [QualitySum, HardenedQualitySum])
def test_impossible_factors_are_refused(kind, phi):
    with pytest.raises(ParameterError):
        kind(phi=phi)


def test_checks_need_signatures():
    masking = PairwiseMasking()
    with pytest.raises(ParameterError, match="do not sign"):
        JointSum(masking, DealtKeys(SECP256K1), SECP256K1, checked=True)
