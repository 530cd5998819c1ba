"""What clients compute, how a process is built of it, and how a model is judged."""
