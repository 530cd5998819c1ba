"""Pairwise masking without self masks: sections 4.3.1 to 4.3.3 of the paper, its scheme V.

Every client adds to its vector a pairwise mask with each other client; they cancel in the sum.
The masks of clients that dropped out do not, and come back from shares of their keys. The stages:

    stage            server to client       client to server      who is left
    advertise keys   PairwiseInvitation     PublicKeys            P1
                     (authority: DealtKeys)
    share keys       KeyList                EncryptedKeyShares    P2
    masked input     DeliveredKeyShares     MaskedVector          P3
    recovery         DroppedClients         KeyShares             P4

`messages.py` has the messages, `authority.py`, `client.py`, `client_session.py` and `server.py` the
roles, `session.py` runs it. Key pairs serve one session; where they come from is its `key_setup`:
an authority deals them, or ("dkg") every client makes its own.

Guarantees, for n clients of which any threshold e reconstruct a key, and parties that all follow
the protocol over channels that nobody else writes to:

    correctness   the sum is exact if at least e clients are left in every stage
    privacy       the server and fewer than e clients learn the survivors' sum alone

Not guaranteed, as the tests carry out: an upload that arrives after its sender was declared
dropped lies open to the server, which has the sender's key by then; an authority that does not
forget what it dealt reads every upload; an altered message can falsify the sum unnoticed. Double
masking (`crypto/protocols/masking`) has none of these weaknesses.
"""
