"""Sums of vectors that are mostly zero, with positions in the clear: scheme III (Asad et al. 2020).

A client sends where its vector is not 0 and, encrypted, the values that stand there, each once.
The server, who sees where values meet, adds their ciphertexts; the clients' key holder decrypts the
sums. Vectors of few values, such as those of sparse binary compression with one, so take a few
thousand bytes for hundreds of thousands of coordinates. Any other vector is summed as well, at
length. The stages, each a message down and one up, the key holder and who needs to stay are those
of `crypto/protocols/homomorphic_sum`:

    stage        server to client     client to server
    key setup    SparseInvitation     Readiness
    upload       UploadRequest        SparseUpload

A value is a residue modulo 2^k, split into as few numbers of equal width, its limbs, as the scheme
needs to add them exactly (`limbs.py`).

`messages.py` has the messages, `limbs.py` the values' encoding, `overlaps.py` finds where values
meet, `client.py`, `server.py` and `key_holder.py` are the roles, `session.py` runs it.

Guarantees, for parties that all follow the protocol:

    correctness   the sum is exact if no client drops out; else the session ends, and says so
    privacy       weak, as in the source. The server learns of each client where its vector is not
                  0 and where it has the same value, and of the values the sum at each coordinate,
                  before its reduction. Where one client alone is not 0, that is its value: the
                  server knows then what stands at all coordinates of this value. The key holder
                  learns the sums, and not the coordinates
In signed sessions also, against a server that does not follow it:
    freshness     a key has an epoch; no client takes an earlier key of its key holder again
    consent       the key holder decrypts once a session, and only for sessions that all their
                  clients have joined
    honesty       none: the server may have any sums of ciphertexts decrypted
"""
