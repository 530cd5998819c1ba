"""The Paillier cryptosystem: the keys of `phe`, and many values in one ciphertext."""
