"""One training run: its rounds, clients, checkpoints, privacy budget, and its report."""
