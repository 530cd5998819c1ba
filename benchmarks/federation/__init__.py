"""Secure sums and training between programs of their own, beside the same in one process."""
