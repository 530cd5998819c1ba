"""The commands of `python -m tff_health.federation`, one module for each kind.

A module has `add`, which describes its commands to the parser and says what runs them.
"""
