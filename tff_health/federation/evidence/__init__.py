"""What every site and the server write down of each round, signed, and how it is verified.

`entries` are what is written, a `transcript` is the file, and `verification` finds what was
changed, left out, or told differently by different parties.
"""
