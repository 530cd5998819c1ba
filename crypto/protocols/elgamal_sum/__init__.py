"""Sums by threshold ElGamal: every value encrypted for itself, only the sum decrypted.

The paper uses it for the clients' qualities (sections 4.3.1, 4.3.2, 4.3.4). The stages, each a
message down and one up:

    stage        server to client     client to server
    key setup    Invitation           Readiness
    upload       UploadRequest        EncryptedVector
    decryption   DecryptionRequest    PartialDecryptions

A cohort that the present system key does not cover gets a new one in "key setup": from an
authority, which sends each client its share under a key that the server lacks, or by distributed
key generation (`protocols/dkg`), whose messages are then counted in this stage. In "decryption" the
server asks as many survivors as the threshold, chosen at random, and others in their place if
they do not answer.

`messages.py` and `parameters.py` have what is said, `authority.py`, `client.py`,
`client_session.py` and `server.py` the roles, `session.py` runs it.

Guarantees, with n clients, threshold e and c colluding clients:

    correctness   the sum is exact if e survivors help to decrypt
    privacy       the server and c < e colluders that follow the protocol learn the survivors' sum
                  alone; if they deviate, signed sessions need 2 e > n + c, and what can be
                  learned then is one sum over at least e clients, three or more, or nothing:
                  all who help to decrypt check that every signer proves that it knows what it
                  encrypted, so that no upload is made from others
    honesty       with proofs, every value is in its public range, and a false partial decryption
                  is refused; both name their sender. Without proofs, a client may add any number,
                  and one that helps to decrypt may shift the sum unnoticed
"""
