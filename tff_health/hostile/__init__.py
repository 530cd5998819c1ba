"""What simulated hostile clients do; experiment `poisoning` has them, and nothing else does."""
