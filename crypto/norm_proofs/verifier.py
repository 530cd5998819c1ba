"""To check a norm proof; run by the server, or by anybody."""

import numpy as np
from numpy.typing import NDArray

from crypto.commitments.commitment import Commitment
from crypto.commitments.transform import Residues
from crypto.errors import ProofError
from crypto.norm_proofs.layout import Layout
from crypto.norm_proofs.parameters import MASKS, QUERIES, REPETITIONS, NormParameters
from crypto.norm_proofs.projection import Projection
from crypto.norm_proofs.proof import MASK_ROWS, SALT_BYTES, NormProof
from crypto.norm_proofs.relations import Claim, relations
from crypto.norm_proofs.row_code import RowCode, row_code
from crypto.norm_proofs.transcript import Transcript, residues, statement
from crypto.norm_proofs.tree import leaf, root_of
from crypto.primitives.prg import Keystream


def verify_norm(
    proof: NormProof, commitment: Commitment, parameters: NormParameters, context: bytes
) -> None:
    """Check that the norm of what a commitment holds is within its bound.

    Args:
        proof: as decoded.
        commitment: what it is about.
        parameters: of the proof.
        context: what the proof is bound to.

    Raises:
        ProofError: if it is no proof of this commitment, bound and context.
    """
    if proof.mask >= MASKS or np.abs(proof.sums).max() > parameters.largest_masked:
        raise ProofError(f"a random sum of the integers beyond {parameters.largest_masked}")
    transcript = Transcript(*statement(parameters, commitment, context))
    transcript.say(proof.root)
    projection = Projection(transcript.keystream("sums"), Layout(parameters).summed)
    claim = Claim(parameters, commitment, projection, proof.mask, proof.sums)
    transcript.say(bytes([proof.mask]), proof.sums.astype("<i8").tobytes())
    keystreams = {prime: transcript.keystream(f"relations/{prime}") for prime in parameters.primes}
    transcript.say(*(numbers.astype("<u4").tobytes() for numbers in proof.polynomials))
    places = transcript.places(QUERIES, parameters.places)
    _check_tree(proof, places, parameters.places)
    for number, prime in enumerate(parameters.primes):
        code = row_code(prime, parameters.level.degree)
        _check_columns(proof, number, places, claim, code, keystreams[prime])


def _check_tree(proof: NormProof, places: NDArray[np.int64], number: int) -> None:
    columns = np.stack(proof.columns, axis=1)
    leaves = {
        int(place): leaf(proof.salts[SALT_BYTES * i : SALT_BYTES * (i + 1)], columns[i].tobytes())
        for i, place in enumerate(places)
    }
    if root_of(leaves, number, proof.siblings) != proof.root:
        raise ProofError("columns that are not below the root of the proof")


def _check_columns(
    proof: NormProof,
    number: int,
    places: NDArray[np.int64],
    claim: Claim,
    code: RowCode,
    challenges: Keystream,
) -> None:
    """Check columns and polynomials modulo one prime."""
    reduce = code.ring.reduce
    found = relations(claim, code, challenges)
    columns = reduce(proof.columns[number].T.astype(np.float64))
    told = reduce(proof.polynomials[number].astype(np.float64))
    sums, lower, upper = np.split(told, 3)
    total = code.sums(lower, upper, claim.parameters.slots)
    if not _are_same(total, found.values, code):
        raise ProofError("the norm, or an integer, is not shown to be small")
    powers = code.powers(places)
    rows, masks = columns[:-MASK_ROWS], columns[-MASK_ROWS:]
    own, others = masks[:REPETITIONS], np.concatenate([rows, masks[REPETITIONS:]])
    factors = residues(challenges, (REPETITIONS, len(others)), code.prime)
    expected = code.product(factors, others) + own
    if not _are_same(code.product(sums, powers), expected, code):
        raise ProofError("rows that are no codewords")
    low, high, middle = np.split(masks[REPETITIONS:], 3)
    top, half = code.top_powers(places), powers[code.degree // 2]
    masked = low + reduce(top * high) + reduce(half * middle)
    value = code.product(lower, powers) + reduce(top * code.product(upper, powers))
    expected = found.at(code, powers).of(code, rows) + masked
    if not _are_same(value, expected, code):
        raise ProofError("columns that do not follow the relations")


def _are_same(left: Residues, right: Residues, code: RowCode) -> bool:
    """Whether residues are the same, as numbers from 0 to p - 1."""
    return np.array_equal(np.mod(left, code.prime), np.mod(right, code.prime))
