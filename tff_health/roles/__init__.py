"""The two roles of training that are apart: what a site and what the server computes of a round.

The mathematics are those of the simulation (`local`); secure sums, messages and programs are
elsewhere. Nothing here imports TFF.
"""
