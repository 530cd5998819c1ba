"""Dealing clients into groups, by randomness that neither the server nor clients choose alone.

Each group then sums by a session of its own, see `tff_health.secure_aggregation.grouped_sums`.

    commit     the server commits to a random contribution in its invitation; every client commits
               to one of its own, signed
    reveal     the server passes all commitments on; each client reveals its contribution, and signs
               which list of commitments it saw
    groups     the server passes on what clients revealed, and opens its own commitment; who was
               dealt with whom follows from all contributions, for everybody who checks them

Guarantees, if one party is honest, the server or a client: the groups of a dealing are uniform, and
known to nobody before the last contribution is revealed. All on the list must reveal: nobody can be
left out once contributions are seen, so that a dealing has no second outcome. A list has
floor(2n/3) + 1 clients of n or more, so that, unless a third collude, there is no second list.

What is left: who sees all contributions before others do can end a dealing that it dislikes, by not
revealing: the server, alone or with clients; clients alone cannot, as the server reveals last.
Clients take part in at most `MOST_DEALINGS` dealings of a round, each without whom the one before
lost. So whatever the server wants of the groups has at most that many times the probability that it
has in one uniform dealing, and each try costs it a client of the round, for all to see. A client
that drops out after it has seen the groups leaves its group as small as any dropout does.

Source: Blum 1983, "Coin flipping by telephone" (commit, then reveal); Cleve 1986 (why a party that
may end it has some bias in any such protocol).
"""
