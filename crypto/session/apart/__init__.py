"""Sessions whose roles are apart: each in a program of its own, with a carrier between them."""
