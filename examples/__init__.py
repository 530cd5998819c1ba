"""Small programs that the documentation shows; each is run by a test."""
