"""Schemes behind `crypto/vector_schemes/scheme.py`: how ciphertexts of whole vectors are made.

    packed_paillier     dozens of values a ciphertext, randomisers from a table
    single_paillier     one value a ciphertext, by `phe`
    exponential_elgamal one value a ciphertext, on secp256k1, sums found as discrete logarithms
    bfv                 thousands of integers a ciphertext
    ckks                thousands of values a ciphertext, approximate

The last two are SEAL's, by TenSEAL, which is not installed with the rest: `pip install tenseal`.
`catalogue.py` has them by name.
"""
