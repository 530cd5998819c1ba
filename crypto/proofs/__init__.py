"""Non-interactive proofs about ElGamal ciphertexts, in any prime-order group.

    fiat_shamir.py    the challenge: a hash of context, statement and commitments
    equality.py       one exponent stands behind several powers (Chaum and Pedersen 1992): a partial
                      decryption is the right one
    range_proof.py    a ciphertext holds an integer from 0 to a public maximum

A proof is bound to a context, a `domain_tag` of the session and the client: elsewhere it is void.
"""
