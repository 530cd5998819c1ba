"""What secure sums cost, and what they do when clients vanish, found by running them."""
