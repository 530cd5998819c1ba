"""Double masking: Bonawitz et al., "Practical secure aggregation", 2017, and its sparse form.

Every client adds to its vector a pairwise mask with each neighbour, which cancel in the sum, and a
self mask, which the survivors' shares remove. The stages, each a message down and one up:

    stage            server to client       client to server
    advertise keys   Invitation             AdvertisedKeys
    share keys       KeyDirectory           EncryptedShares
    masked input     DeliveredShares        MaskedVector
    consistency      SurvivorSet            Agreement
    unmasking        AgreementList          UnmaskingAnswer

`messages.py` and `unmasking_messages.py` have the messages, `client.py`, `client_session.py` and
`server.py` the roles, `topology.py` the choice of neighbours and threshold, `session.py` runs it.

Guarantees, with h holders of a client's secrets (all n clients on the complete graph), threshold t
and c colluding clients among the holders:

    correctness   the sum is exact if at least t of every client's holders answer
    privacy       the server and c < t colluders that follow the protocol learn the survivors' sum
                  alone; if they deviate, signed sessions need 2 t > h + c, and what can be learned
                  then is one sum, with t - c honest holders of each of its clients, or nothing
    honesty       none: a client may contribute any vector, and one that deals false shares can
                  end the session; it is named, and the next session can leave it out
"""
