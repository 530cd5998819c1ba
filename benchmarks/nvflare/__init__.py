"""Secure sums over NVFlare, whose programs run in an environment of their own."""
