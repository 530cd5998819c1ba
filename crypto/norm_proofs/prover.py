"""To prove that the norm of what is committed to is within its bound; run by a client."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from crypto.commitments.commitment import Commitment, Opening, error_of
from crypto.errors import ParameterError
from crypto.norm_proofs.board import Board, mask_polynomials
from crypto.norm_proofs.layout import Layout, norm_squared
from crypto.norm_proofs.parameters import MASKS, QUERIES, REPETITIONS, SUMS, NormParameters
from crypto.norm_proofs.projection import Projection
from crypto.norm_proofs.proof import NormProof
from crypto.norm_proofs.relations import Claim, relations
from crypto.norm_proofs.row_code import row_code
from crypto.norm_proofs.transcript import Transcript, residues, statement
from crypto.randomness import SYSTEM, Randomness

_ATTEMPTS: Final = 64


def prove_norm(
    integers: NDArray[np.int64],
    opening: Opening,
    commitment: Commitment,
    parameters: NormParameters,
    context: bytes,
    randomness: Randomness = SYSTEM,
) -> NormProof:
    """Prove that the norm of integers that a commitment holds is within its bound.

    Args:
        integers: shape (m,), int64: all that is committed to.
        opening: what opens the commitment beside them.
        commitment: to them.
        parameters: of the proof.
        context: what the proof is bound to: a `domain_tag` of session and client.
        randomness: where all that hides them comes from.

    Returns:
        The proof, which says nothing else of them.

    Raises:
        ParameterError: if the norm, or another number, is beyond its bound.
        OpeningError: if this is not what the commitment holds.
    """
    check_norm(integers, parameters)
    error = error_of(commitment, integers, opening)
    layout = Layout(parameters)
    written = layout.integers(integers, opening.secret, error)
    for _ in range(_ATTEMPTS):
        masks = _masks(parameters, randomness)
        layout.block(written, 5)[:] = masks.reshape(-1)
        board = Board(written, parameters, randomness)
        transcript = Transcript(*statement(parameters, commitment, context))
        transcript.say(board.tree.root)
        projection = Projection(transcript.keystream("sums"), layout.summed)
        sums = projection.sums(written[: layout.summed])
        for number, mask in enumerate(masks):
            masked = sums + mask
            if _is_hidden(sums, masked, parameters):
                claim = Claim(parameters, commitment, projection, number, masked)
                return _answer(claim, board, transcript)
    raise AssertionError("no masks suit")  # after 64 attempts, each of which ends in one of 1000


def _answer(claim: Claim, board: Board, transcript: Transcript) -> NormProof:
    """Answer the challenges that follow from the columns and the sums."""
    p = claim.parameters
    transcript.say(bytes([claim.mask]), claim.sums.astype("<i8").tobytes())
    polynomials = []
    for number, prime in enumerate(p.primes):
        code, coefficients = row_code(prime, p.level.degree), board.coefficients[number]
        challenges = transcript.keystream(f"relations/{prime}")
        found = relations(claim, code, challenges)
        lower, upper = code.join(
            found.of(code, board.on_h[number]),
            found.on_first_shift(code).of(code, board.on_shift[number]),
        )
        rows = len(board.on_h[number])
        lower_mask, upper_mask = mask_polynomials(coefficients[rows:], code)
        own, others = coefficients[rows : rows + REPETITIONS], _without_own(coefficients, rows)
        factors = residues(challenges, (REPETITIONS, len(others)), prime)
        sums = code.product(factors, others) + own
        told = np.concatenate([sums, lower + lower_mask, upper + upper_mask])
        polynomials.append(np.mod(told, prime).astype(np.uint32))
    transcript.say(*(numbers.astype("<u4").tobytes() for numbers in polynomials))
    places = transcript.places(QUERIES, p.places)
    columns = tuple(board.columns[places, number] for number in range(len(p.primes)))
    salts = b"".join(map(board.salt, places.tolist()))
    siblings = board.tree.siblings(places.tolist())
    tree_and_sums = board.tree.root, claim.mask, claim.sums
    return NormProof(*tree_and_sums, tuple(polynomials), columns, salts, siblings)


def _is_hidden(
    sums: NDArray[np.int64], masked: NDArray[np.int64], parameters: NormParameters
) -> bool:
    """Whether masked sums say nothing of the sums, since they are as likely for all others."""
    largest = np.abs(sums).max(), np.abs(masked).max()
    return bool(largest[0] <= parameters.largest_sum and largest[1] <= parameters.largest_masked)


def _without_own(rows: NDArray[np.float64], first: int) -> NDArray[np.float64]:
    """Return rows without those that mask sums of rows."""
    return np.concatenate([rows[:first], rows[first + REPETITIONS :]])


def _masks(parameters: NormParameters, randomness: Randomness) -> NDArray[np.int64]:
    """Draw masks, uniform, by rejection."""
    largest = parameters.largest_mask
    bits = (2 * largest).bit_length()
    found = np.empty(0, np.int64)
    while len(found) < MASKS * SUMS:
        words = np.frombuffer(randomness.bytes(16 * MASKS * SUMS), "<u8")
        drawn = (words & np.uint64((1 << bits) - 1)).astype(np.int64)
        found = np.concatenate([found, drawn[drawn <= 2 * largest]])
    return found[: MASKS * SUMS].reshape(MASKS, SUMS) - largest


def check_norm(integers: NDArray[np.int64], parameters: NormParameters) -> None:
    """Check that integers are within what can be proven of them.

    Raises:
        ParameterError: as `prove_norm`.
    """
    commitment, quality = parameters.commitment, parameters.quality_largest
    if integers.shape != (commitment.length,):
        raise ParameterError(f"integers of shape {integers.shape}, not ({commitment.length},)")
    ends = len(integers) - len(commitment.extra_largest)
    free = integers[: ends - parameters.bounded]
    if free.size and max(-int(free.min()), int(free.max())) > parameters.free_largest:
        raise ParameterError(f"integers beside the bounded ones beyond {parameters.free_largest}")
    times = 1
    if quality is not None:
        times = int(integers[-1])
        if not 0 <= times <= quality:
            raise ParameterError(f"a quality of {times}, which must lie in 0..{quality}")
    square = norm_squared(integers[ends - parameters.bounded : ends])
    if square > (parameters.bound * times) ** 2:
        raise ParameterError(
            f"a norm of {square**0.5:.1f}, above the bound {parameters.bound * times}: clip it"
        )
