"""Proofs that what a commitment holds has a small norm: exact, short, and without a secret told.

    parameters    how much is checked, and with which probability something false passes
    four_squares  what is missing to the bound, as squares
    layout        the integers of a proof, in rows
    row_code      rows as codewords
    tree          one hash for all columns, of which some are opened
    transcript    challenges
    projection    random sums of integers, which show that they are small
    relations     what holds of the integers if the claim is true
    proof         what is sent
    prover, verifier

The proof. The claim is that the vector x in a commitment c has a norm of at most B, or of at most B
times the quality that is committed to as well. The prover writes x, what opens c, and four integers
whose squares fill the square of the norm up to B^2, as rows of numbers; it encodes each row as a
Reed-Solomon codeword, modulo several primes, and commits to the columns by a hash tree. Then it is
asked for random sums: of coordinates, with weights 1, 0 and -1, under a mask, which come out small
only if all that was written is; and of everything that c, these sums and the norm say of the rows,
which are polynomials. It opens a few columns at random places, at which rows and polynomials must
agree. Squares so small cannot wrap modulo the primes: the norm is at most B, and not about B.

Sources: Ames, Hazay, Ishai and Venkitasubramaniam 2017, Ligero (rows, columns, and what is asked of
them); Ben-Sasson, Carmon, Ishai, Kopparty and Saraf 2020 (distances, theorem 1.6); Lyubashevsky,
Nguyen and Plancon 2022 (norms by a projection that is too coarse to be the claim, but keeps squares
from wrapping); Lycklama et al. 2023, RoFL (why norms are to be enforced under secure sums).
"""
