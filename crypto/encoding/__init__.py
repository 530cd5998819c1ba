"""How numbers become vectors that can be summed, and vectors bytes."""
