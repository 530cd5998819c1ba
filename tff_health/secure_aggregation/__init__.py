"""Secure sums behind TFF: computations taken apart at their sums, which protocols compute."""
