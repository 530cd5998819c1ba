"""Accuracy over epsilon, and attacks on what leaves a client."""
