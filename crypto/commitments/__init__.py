"""Commitments that add up: short against the vectors they hold, and binding and hiding by lattices.

    transform    products of polynomials, exact, by matrices
    gaussian     integers from the discrete Gaussian
    parameters   how long, how wide, and why that is enough
    matrix       the public polynomials
    commitment   to commit, to add, to check an opening

A client commits to its vector before it uploads; whoever is shown all commitments and the sum of
the vectors, with the sum of what opens them, sees whether that is their sum.
"""
