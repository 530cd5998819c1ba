import numpy as np
from hypothesis import strategies as st

from crypto.protocols.homomorphic_sum.messages import KeyAnnouncement
from crypto.protocols.sparse_sum.messages import (
    DecryptedSums,
    SparseInvitation,
    SparseUpload,
    SumsOrder,
    write_places,
)
from crypto.vector_schemes.scheme import EncryptedVector, VectorPlan
from tests.crypto.message_laws import message_laws

digests = st.binary(min_size=32, max_size=32)
nonces = st.binary(min_size=16, max_size=16)
signatures = st.binary(min_size=64, max_size=64)
cohorts = st.sets(st.integers(0, 2**32 - 1), min_size=1, max_size=5).map(sorted).map(tuple)
keys = st.builds(
    KeyAnnouncement,
    st.integers(1, 2**64 - 1),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=10),
    st.binary(max_size=20),
)
plans = st.builds(VectorPlan, st.integers(0, 9), st.integers(1, 20), st.integers(1, 9))


@st.composite
def invitations(draw, signed=None):
    signed = draw(st.booleans()) if signed is None else signed
    signature = draw(signatures) if signed else b""
    sizes = draw(st.integers(0, 2**32 - 1)), draw(st.integers(1, 62))
    head = draw(nonces), draw(st.integers(0, 2**64 - 1)), draw(cohorts)
    return SparseInvitation(*head, *sizes, signed, draw(keys), signature)


@st.composite
def vectors(draw):
    plan = draw(plans)
    addends = draw(st.integers(1, plan.max_addends))
    return EncryptedVector(draw(digests), plan, addends, draw(st.binary(max_size=30)))


@st.composite
def uploads(draw):
    count = draw(st.integers(0, 20))
    places = write_places(np.arange(count), np.zeros(count, np.int64), min(count, 1), 40)
    values = tuple(draw(st.lists(vectors(), max_size=3)))
    return SparseUpload(draw(digests), draw(st.integers(0, 2**32 - 1)), places, values)


@st.composite
def orders(draw):
    invitation = draw(invitations())
    size = len(invitation.cohort)
    consents = [draw(signatures) if invitation.signed else b"" for _ in range(size)]
    return SumsOrder(invitation, tuple(draw(st.lists(vectors(), max_size=3))), tuple(consents))


TestLaws = message_laws(
    {
        SparseInvitation: invitations(),
        SparseUpload: uploads(),
        SumsOrder: orders(),
        DecryptedSums: st.builds(
            lambda session, limbs: DecryptedSums.of(session, np.array(limbs, np.int64)),
            digests,
            st.lists(st.integers(-(2**63), 2**63 - 1), max_size=9),
        ),
    }
)
