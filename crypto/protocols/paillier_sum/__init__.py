"""Sums by Paillier encryption: the twin of `crypto/protocols/elgamal_sum`, to compare it with.

All clients encrypt under one public key, the server multiplies ciphertexts, and an authority, who
is not the server and sees nothing but the product, decrypts. The stages, each a message down and
one up:

    stage        server to client     client to server
    key setup    Invitation           Readiness
    upload       UploadRequest        EncryptedVector
    decryption   ConsentRequest       Consent

A client consents to the decryption of one product a session, after it has formed it itself from
what the survivors signed. With e consents the server goes to the authority, which decrypts once a
session. What passes between server and authority is no client's traffic and not in the costs:
the public key, one `DecryptionOrder` and one `DecryptedSum`.

Guarantees, with n clients of the key, threshold e and c colluding clients:

    correctness   the sum is exact if e survivors consent
    privacy       the server and c < e colluders that follow the protocol learn the survivors' sum
                  alone; if they deviate, signed sessions need 2 e > n + c, and what can be
                  learned then is one sum over at least e clients, three or more, or nothing:
                  all who consent check that every signer proves that it knows what it
                  encrypted, so that no upload is made from others. The authority learns
                  the sum too, and together with the server everything: here, unlike in threshold
                  ElGamal, one party holds the key
    honesty       none: a client may add any number
"""
