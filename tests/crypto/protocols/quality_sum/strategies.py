"""Random messages of pairwise masking and of joint sessions."""

from hypothesis import strategies as st

from crypto.protocols.masking.parameters import MaskingParameters
from crypto.protocols.pairwise_masking import messages as pairwise
from crypto.protocols.quality_sum import key_messages, messages
from crypto.protocols.quality_sum.parameters import QualityParameters
from tests.crypto.protocols.masking.strategies import (
    by_client,
    exactly,
    id_lists,
    ids,
    session_ids,
    shares,
)

numbers = st.integers(0, 2**32 - 1)
some_bytes = st.binary(max_size=40)


@st.composite
def unsigned_parameters(draw):
    degree = draw(st.integers(0, 2**32 - 2))
    return MaskingParameters(
        draw(numbers),
        draw(st.integers(1, 62)),
        degree,
        draw(st.integers(1, degree + 1)),
        draw(st.integers(1, 2**32 - 1)),
        signed=False,
    )


@st.composite
def key_lists(draw):
    session_id = draw(session_ids)
    entries = [
        pairwise.PublicKeys(session_id, client, draw(exactly(32)), draw(exactly(32)))
        for client in draw(id_lists)
    ]
    return pairwise.KeyList(session_id, tuple(entries))


@st.composite
def offers(draw):
    holders = draw(id_lists.filter(bool))
    threshold = draw(st.integers(1, len(holders)))
    name = draw(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12))
    return key_messages.SystemKeyOffer(
        draw(exactly(16)), draw(st.integers(1, 2**64 - 1)), holders, threshold, name
    )


quality_parameters = st.builds(
    QualityParameters,
    st.integers(0, 2**62 - 1),
    st.integers(1, 2**40),
    st.booleans(),
    st.booleans(),
)
byte_lists = st.lists(some_bytes, max_size=4).map(tuple)

PAIRWISE = {
    pairwise.PairwiseInvitation: st.builds(
        pairwise.PairwiseInvitation,
        exactly(16),
        st.integers(0, 2**64 - 1),
        id_lists,
        unsigned_parameters(),
        dealt=st.booleans(),
    ),
    pairwise.DealtKeys: st.builds(pairwise.DealtKeys, session_ids, ids, exactly(32), exactly(32)),
    pairwise.PublicKeys: st.builds(pairwise.PublicKeys, session_ids, ids, exactly(32), exactly(32)),
    pairwise.KeyList: key_lists(),
    pairwise.EncryptedKeyShares: st.builds(
        pairwise.EncryptedKeyShares,
        session_ids,
        ids,
        by_client(exactly(pairwise.CIPHERTEXT_BYTES)),
    ),
    pairwise.DeliveredKeyShares: st.builds(
        pairwise.DeliveredKeyShares, session_ids, by_client(exactly(pairwise.CIPHERTEXT_BYTES))
    ),
    pairwise.DroppedClients: st.builds(pairwise.DroppedClients, session_ids, id_lists),
    pairwise.KeyShares: st.builds(pairwise.KeyShares, session_ids, ids, by_client(shares)),
}
JOINT = {
    messages.QualityInvitation: st.builds(
        messages.QualityInvitation, some_bytes, exactly(32), quality_parameters
    ),
    messages.EncryptedQuality: st.builds(
        messages.EncryptedQuality, session_ids, ids, some_bytes, some_bytes
    ),
    messages.QualityUpload: st.builds(
        messages.QualityUpload, some_bytes, quality=some_bytes, range_proof=some_bytes
    ),
    messages.HelpRequest: st.builds(messages.HelpRequest, session_ids, numbers, some_bytes),
    messages.CheckedHelpRequest: st.builds(
        messages.CheckedHelpRequest, session_ids, numbers, id_lists, byte_lists
    ),
    messages.PartialDecryption: st.builds(
        messages.PartialDecryption, session_ids, ids, numbers, some_bytes, some_bytes
    ),
    key_messages.SystemKeyOffer: offers(),
    key_messages.DealtSystemKey: st.builds(
        key_messages.DealtSystemKey, session_ids, ids, byte_lists, some_bytes
    ),
    key_messages.SystemKeyReceipt: st.builds(
        key_messages.SystemKeyReceipt, session_ids, ids, exactly(32)
    ),
}

any_message = st.one_of(*PAIRWISE.values(), *JOINT.values())
