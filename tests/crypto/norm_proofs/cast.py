"""Short vectors with a bound on their norm, honest proofs of it, and provers that cheat."""

from unittest import mock

import numpy as np

from crypto.commitments.commitment import commit
from crypto.norm_proofs import layout, prover
from crypto.norm_proofs.parameters import NormParameters
from crypto.norm_proofs.prover import prove_norm
from crypto.norm_proofs.verifier import verify_norm

FREE, BOUNDED, BOUND, LARGEST, CLIENTS = 3, 60, 1000, 2**20, 3
MAX_QUALITY = 50
CONTEXT = b"session and client"
PLAIN = NormParameters.choose(FREE + BOUNDED, LARGEST, CLIENTS, bounded=BOUNDED, bound=BOUND)
BY_QUALITY = NormParameters.choose(
    FREE + BOUNDED + 1,
    LARGEST,
    CLIENTS,
    bounded=BOUNDED,
    bound=BOUND,
    quality_largest=MAX_QUALITY,
)


def vector(norm=BOUND, quality=None, seed=0):
    """A vector whose bounded part has a norm of at most `norm`, and just so."""
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=BOUNDED)
    bounded = np.trunc(drawn * (norm / np.linalg.norm(drawn))).astype(np.int64)
    free = rng.integers(-1000, 1000, FREE)
    return np.concatenate([free, bounded, np.array([] if quality is None else [quality], np.int64)])


def parts(parameters=PLAIN, given=None):
    """A vector with its commitment and opening."""
    integers = vector() if given is None else given
    return integers, *commit(integers, parameters.commitment)


def proven(parameters=PLAIN, given=None):
    """A commitment, and an honest proof."""
    integers, commitment, opening = parts(parameters, given)
    return commitment, prove_norm(integers, opening, commitment, parameters, CONTEXT)


def verify(commitment, proof, parameters=PLAIN, context=CONTEXT):
    verify_norm(proof, commitment, parameters, context)


def cheat(given, parameters=PLAIN, squares=lambda number: (0, 0, 0, 0)):
    """A commitment to what is beyond the bound, and the proof of a prover that goes on anyway.

    Args:
        given: what is committed to.
        parameters: of the proof.
        squares: what it takes for four squares.
    """
    integers, commitment, opening = parts(parameters, given)
    with (
        mock.patch.object(prover, "check_norm"),
        mock.patch.object(layout, "four_squares", squares),
    ):
        return commitment, prove_norm(integers, opening, commitment, parameters, CONTEXT)
