"""Secret sharing, key agreement, signatures, pseudorandom bytes, authenticated encryption."""
