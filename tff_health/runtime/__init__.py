"""Where TFF's computations run, and their secure sums with them; `secure_sums.py` is the way in."""
