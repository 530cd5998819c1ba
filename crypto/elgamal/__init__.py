"""Exponential ElGamal, its threshold decryption, and bounded discrete logarithms."""
