"""Random messages for property tests and fuzzing."""

from hypothesis import strategies as st

from crypto.primitives.field import SECRET_FIELD
from crypto.primitives.shamir import Share
from crypto.protocols.masking.messages import (
    DEALT_BYTES,
    AdvertisedKeys,
    DeliveredShares,
    DirectoryEntry,
    EncryptedShares,
    Invitation,
    KeyDirectory,
    MaskedVector,
    ShareComplaint,
)
from crypto.protocols.masking.parameters import MaskingParameters
from crypto.protocols.masking.unmasking_messages import (
    Agreement,
    AgreementList,
    KeyShare,
    SelfMaskShare,
    SurvivorSet,
    UnmaskingAnswer,
)


def exactly(size):
    return st.binary(min_size=size, max_size=size)


ids = st.integers(0, 2**32 - 1)
id_lists = st.lists(ids, unique=True, max_size=6).map(lambda c: tuple(sorted(c)))
shares = st.builds(Share, st.integers(0, SECRET_FIELD.modulus - 1))
session_ids = exactly(32)


def by_client(values):
    return st.dictionaries(ids, values, max_size=5).map(lambda d: tuple(sorted(d.items())))


@st.composite
def parameters(draw):
    degree = draw(st.integers(0, 2**32 - 2))
    return MaskingParameters(
        draw(st.integers(0, 2**32 - 1)),
        draw(st.integers(1, 62)),
        degree,
        draw(st.integers(1, degree + 1)),
        draw(st.integers(1, 2**32 - 1)),
        draw(st.booleans()),
    )


@st.composite
def directories(draw):
    session_id = draw(session_ids)
    entries = [
        DirectoryEntry(
            AdvertisedKeys(session_id, client, *(draw(exactly(32)) for _ in range(3))),
            draw(st.sampled_from([b"", bytes(64), b"\x07" * 64])),
        )
        for client in draw(id_lists)
    ]
    return KeyDirectory(session_id, tuple(entries))


BY_TYPE = {
    Invitation: st.builds(
        Invitation, exactly(16), st.integers(0, 2**64 - 1), id_lists, parameters()
    ),
    AdvertisedKeys: st.builds(
        AdvertisedKeys, session_ids, ids, exactly(32), exactly(32), exactly(32)
    ),
    KeyDirectory: directories(),
    EncryptedShares: st.builds(EncryptedShares, session_ids, ids, by_client(exactly(DEALT_BYTES))),
    DeliveredShares: st.builds(DeliveredShares, session_ids, by_client(exactly(DEALT_BYTES))),
    ShareComplaint: st.builds(ShareComplaint, session_ids, ids, id_lists.filter(bool)),
    MaskedVector: st.builds(MaskedVector, session_ids, ids, st.binary(max_size=50)),
    SurvivorSet: st.builds(SurvivorSet, session_ids, id_lists),
    Agreement: st.builds(Agreement, session_ids, ids, exactly(32)),
    AgreementList: st.builds(AgreementList, session_ids, by_client(exactly(64))),
    UnmaskingAnswer: st.builds(
        UnmaskingAnswer,
        session_ids,
        ids,
        by_client(shares.map(SelfMaskShare) | shares.map(KeyShare)),
    ),
}

messages = st.one_of(*BY_TYPE.values())
