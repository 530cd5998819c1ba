"""The shares that clients give back to the server: which of them are what their dealers dealt."""

from collections.abc import Mapping

from crypto.errors import ShareError, ThresholdError
from crypto.parties import ClientId
from crypto.primitives.shamir import Share
from crypto.protocols.masking.keys import commit_to_share
from crypto.protocols.masking.messages import DealtPair
from crypto.protocols.masking.unmasking_messages import KeyShare, RevealedShare, UnmaskingAnswer


def sort_shares(
    answers: Mapping[ClientId, UnmaskingAnswer],
    dealt: Mapping[ClientId, Mapping[ClientId, DealtPair]],
    threshold: int,
) -> tuple[dict[ClientId, dict[ClientId, Share]], tuple[ClientId, ...]]:
    """Return owner -> holder -> share, and the holders of shares nobody committed to.

    A client's share of its own secret, to which it did not commit, counts only where others' do not
    suffice: if it is false then, that is the fault of the owner, too.

    Args:
        answers: holder -> what it gave back.
        dealt: owner -> holder -> what it was dealt.
        threshold: fewest shares that reconstruct.
    """
    shares: dict[ClientId, dict[ClientId, Share]] = {}
    false_holders = set()
    for holder, answer in answers.items():
        for owner, revealed in answer.shares:
            if owner == holder:
                continue
            if _is_committed(answer.session_id, owner, holder, dealt[owner][holder], revealed):
                shares.setdefault(owner, {})[holder] = revealed.share
            else:
                false_holders.add(holder)
    for owner, answer in answers.items():
        own = dict(answer.shares).get(owner)
        given = shares.setdefault(owner, {})
        if own is not None and len(given) < threshold:
            given[owner] = own.share
    return shares, tuple(sorted(false_holders))


def explain_missing(
    error: ThresholdError, false_holders: tuple[ClientId, ...]
) -> ThresholdError | ShareError:
    """Return what to raise where too few shares are left, perhaps because some are false."""
    if not false_holders:
        return error
    listed = ", ".join(map(str, false_holders))
    return ShareError(f"{error}, as clients gave back false ones: {listed}", false_holders[0])


def _is_committed(
    session_id: bytes, owner: ClientId, holder: ClientId, dealt: DealtPair, revealed: RevealedShare
) -> bool:
    of_key = isinstance(revealed, KeyShare)
    found = commit_to_share(
        session_id, owner, holder, of_key=of_key, share=revealed.share.to_bytes()
    )
    return found == (dealt.key if of_key else dealt.self_mask)
