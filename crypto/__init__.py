"""Secure sums for federated learning, from cryptographic primitives to whole protocols.

A protocol is a session over roles and messages: the clients' vectors go in, and the sum over the
survivors, or an error, comes out. Nothing here knows TensorFlow, TFF or Keras.
"""
