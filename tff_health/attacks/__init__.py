"""Attacks on what leaves a client, to show what masks and differential privacy keep back."""
