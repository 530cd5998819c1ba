"""Sums by homomorphic encryption of all parameters: the paper's scheme IV (Fang et al.).

All clients encrypt whole vectors under one public key. The server adds ciphertexts; the clients'
key holder, who is not the server and sees nothing but the sum, decrypts. The scheme is any of
`crypto/vector_schemes/`. The stages, each a message down and one up:

    stage        server to client     client to server
    key setup    Invitation           Readiness
    upload       UploadRequest        EncryptedUpload

What passes between server and key holder is no client's traffic and not in the costs: the
`KeyAnnouncement`, one `DecryptionOrder` (as long as one upload) and one `DecryptedSum`. The key
holder's time is, as the authority's. One key pair serves all sessions of a `HomomorphicSum`.

`messages.py` has the messages, `client.py`, `server.py` and `key_holder.py` the roles, `session.py`
runs it.

Guarantees, for parties that all follow the protocol:

    correctness   the sum is exact if no client drops out; else the session ends, and says so
    privacy       the server learns the sum over all clients and nothing else, the key holder the
                  same; any number of clients learn nothing about the others' vectors
In signed sessions also, against a server that does not follow it:
    freshness     a key has an epoch; no client takes an earlier key of its key holder again
    consent       the key holder decrypts one ciphertext a session, and only for sessions that all
                  their clients have joined
    honesty       none: that ciphertext may be one client's upload alone, which the key holder
                  cannot tell from a sum. `protocols/paillier_sum` has clients form the product
                  themselves for that, at the price of sending all uploads to them. Server and
                  key holder together can read everything. A client may add any vector of values
                  in range, or break the sum by one that is not
"""
