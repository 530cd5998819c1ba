"""What clients and the server compute of a round by themselves, without TFF.

TFF computations of `learning` and `aggregators` are made of it, and so are sites and servers that
run without TFF: both have the same mathematics, and none of it twice.
"""
