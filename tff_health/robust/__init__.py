"""Rules that a minority of bad inputs does not decide."""
