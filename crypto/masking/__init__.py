"""Double masking: Bonawitz et al., "Practical secure aggregation", 2017, and its sparse form.

Every client adds to its vector a pairwise mask with each neighbour, which cancel in the sum, and a
self mask, which the survivors' shares remove. The stages, each a message down and one up:

    stage            server to client       client to server
    advertise keys   Invitation             AdvertisedKeys
    share keys       KeyDirectory           EncryptedShares
    masked input     DeliveredShares        MaskedVector
    consistency      SurvivorSet            Agreement
    unmasking        AgreementList          UnmaskingAnswer

`messages.py` has the messages, `client.py` and `server.py` the roles, `session.py` runs them.
"""
