"""Groups of prime order, and fast powers in them."""
