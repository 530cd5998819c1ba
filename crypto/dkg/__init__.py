"""Distributed key generation: the clients make the system key, and nobody ever knows the secret.

Every client deals a random part of the secret by Pedersen's verifiable sharing; the parts of all
dealers that are not found out are added up. Only when that set is fixed does the public key come to
light, so that no dealer can choose its part by looking at it. The server is a bulletin board: it
passes on what clients post, and sees private shares only encrypted. The stages, each a message
down and, but for the last, one up:

    stage            server to client     client to server
    advertise keys   Invitation           AdvertisedKey
    dealing          Board                Dealing
    complaints       DeliveredDealings    Complaints
    defence          Board                Defences
    extraction       Board                FeldmanCommitments
    exposure         Board                Exposures
    reconstruction   Board                Reveals
    confirmation     Board                Confirmation
    result           Board

`record.py` has what follows from the public postings: clients and server compute it alike.
`messages.py` has the messages, `client.py` and `server.py` the roles, `session.py` runs it.

Guarantees, with n clients, threshold e and c colluding clients:

    correctness   all clients that finish hold shares of one key, checked against its commitments
    secrecy       server and c < e colluders learn nothing of s but h = g^s, and cannot bias h
    robustness    a dealer that cheats is disqualified, or its part reconstructed, and it is named;
                  one that vanishes after dealing is reconstructed; e honest clients must remain,
                  else the generation aborts
    agreement     signed: a client accepts a key when e clients have signed the same one, so that a
                  server that shows different boards is found out if 2 e > n + c

Source: Gennaro, Jarecki, Krawczyk, Rabin, "Secure distributed key generation for discrete-log based
cryptosystems", Journal of Cryptology 20, 2007, figure 2.
"""
