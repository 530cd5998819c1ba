"""One file for each experiment, and what they share."""
