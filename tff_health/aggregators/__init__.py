"""Aggregation factories: what of a client's update is summed, and how the server reads the sum."""
