"""Distributed key generation: the clients make the system key, and nobody ever knows the secret.

Every client deals a random part of the secret by Pedersen's verifiable sharing; the parts of all
dealers that are not found out are added up. Only when that set is fixed does the public key come to
light, so that no dealer can choose its part by looking at it. The server is a bulletin board: it
passes on what clients post, and sees private shares only encrypted. The stages, each a message
down and, but for the last, one up:

    stage            server to client     client to server
    advertise keys   Invitation           AdvertisedKeys
    dealing          Board                Dealing
    complaints       Board                Complaints
    extraction       Board                FeldmanCommitments
    exposure         Board                Exposures
    reconstruction   Board                Reveals
    confirmation     Board                Confirmation
    result           Board

All that dealers deal is on the board, each pair of shares encrypted for its receiver under a key
pair that serves for this dealer and receiver alone. A complaint posts that key: everybody opens the
pair and sees who is wrong, the dealer or the accuser. The same key opens what the accuser dealt to
the accused, which the accused knows already, and nothing else. So there are no answers to
complaints, and no number of false ones disqualifies anybody.

`record.py` has what follows from the public postings: clients and server compute it alike.
`messages.py` and `accusations.py` have the messages, `policy.py` what a client insists on,
`client.py` and `server.py` the roles, `session.py` runs it.

Guarantees, with n clients, threshold e and c colluding clients:

    correctness   all clients that finish hold shares of one key, checked against its commitments
    secrecy       server and c < e colluders learn nothing of s but h = g^s, and cannot bias h
    robustness    a dealer that cheats is disqualified, or its part reconstructed, and it is named
                  with evidence; a false accuser is named and changes nothing; a dealer that
                  vanishes after dealing is reconstructed; e honest clients must remain, else the
                  generation aborts
    agreement     signed: a client accepts a key when e clients have signed the same one, so that a
                  server that shows different boards is found out if 2 e > n + c. A client refuses
                  a cohort that it has not agreed to, and a threshold that does not bear the c of
                  its policy
    freshness     the key has an epoch, later than that of the key that a client holds

Not guaranteed: with e = n any client can end it by vanishing, and that is nobody's fault. In
sessions without signatures nothing tells a client's lie from the server's, or from what was changed
on the way: a dealer whose shares do not fit is left out all the same, and nobody is named.

Source: Gennaro, Jarecki, Krawczyk, Rabin, "Secure distributed key generation for discrete-log based
cryptosystems", Journal of Cryptology 20, 2007, figure 2. Complaints that anyone can
check: Schindler, Judmayer, Stifter, Weippl, "EthDKG", 2019, section 4.
"""
