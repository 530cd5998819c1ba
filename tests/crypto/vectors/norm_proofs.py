"""Norm proofs, each step as a function from numbers to numbers, and vectors of them."""

import hashlib

import numpy as np

from crypto.commitments.commitment import commit
from crypto.errors import ProofError
from crypto.norm_proofs.four_squares import four_squares
from crypto.norm_proofs.parameters import NormParameters
from crypto.norm_proofs.projection import Projection
from crypto.norm_proofs.proof import NormProof
from crypto.norm_proofs.prover import prove_norm
from crypto.norm_proofs.row_code import row_code
from crypto.norm_proofs.transcript import Transcript
from crypto.norm_proofs.verifier import verify_norm
from tests.crypto.vectors.form import case
from tests.crypto.vectors.operations import source


def _parameters(length, largest, clients, bounded, bound, quality=None):
    return NormParameters.choose(
        length, largest, clients, bounded=bounded, bound=bound, quality_largest=quality
    )


def _choose(**given):
    found = _parameters(**given)
    return {
        "degree": found.level.degree,
        "primes": list(found.primes),
        "largest mask": found.largest_mask,
        "largest masked": found.largest_masked,
        "proven norm": found.proven_norm,
        "numbers": list(found.numbers),
    }


def _sums(said, integers):
    transcript = Transcript(said)
    projection = Projection(transcript.keystream("sums"), len(integers))
    return {"first": [int(n) for n in projection.sums(np.array(integers, np.int64))[:20]]}


def _codeword(prime, degree, row):
    code, numbers = row_code(prime, degree), np.zeros((1, degree))
    numbers[0, : len(row)] = row
    word = code.on_shift(code.coefficients(numbers), 1)[0]
    return {"first": [int(value) for value in np.mod(word[:6], prime)]}


def _proven(given, integers, random):
    parameters = _parameters(**given)
    drawn = source(random)
    commitment, opening = commit(np.array(integers, np.int64), parameters.commitment, drawn)
    context = random.encode()
    proof = prove_norm(
        np.array(integers, np.int64), opening, commitment, parameters, context, drawn
    )
    return commitment, proof.to_bytes(parameters), parameters, context


def _prove(integers, random, **given):
    _, data, _, _ = _proven(given, integers, random)
    return {"bytes": len(data), "sha256": hashlib.sha256(data).digest()}


def _verify(integers, random, changed=-1, context=None, **given):
    commitment, data, parameters, own = _proven(given, integers, random)
    if changed >= 0:
        data = data[:changed] + bytes([data[changed] ^ 1]) + data[changed + 1 :]
    own = own if context is None else context
    verify_norm(NormProof.from_bytes(data, parameters), commitment, parameters, own)
    return {"valid": True}


OPERATIONS = {
    "choose norm parameters": _choose,
    "four squares": lambda number: {"squares": list(four_squares(number))},
    "random sums": lambda text, integers: _sums(text.encode(), integers),
    "codeword": _codeword,
    "prove norm": _prove,
    "verify norm": _verify,
}


def vectors():
    """Return the content of norm_proofs.json."""

    def add(name, do, **given):
        return case(OPERATIONS, name, do, **given)

    short = {"length": 5, "largest": 1000, "clients": 3, "bounded": 4, "bound": 50}
    network = {"length": 306_073, "largest": 2**22, "clients": 10}
    own = {**short, "integers": [7, 30, -40, 0, 0], "random": "norm"}
    squares = (0, 7, 28, 306_063, 2**64 - 59)
    primes = ((134176769, 2048), (133881857, 4096))
    found = [
        add("the network", "choose norm parameters", **network, bounded=306_063, bound=2**16),
        add("by quality", "choose norm parameters", **short, quality=9),
        add("too many", "choose norm parameters", **{**short, "bounded": 6}),
        *(add(f"of {number}", "four squares", number=number) for number in squares),
        add("of -1", "four squares", number=-1),
        add("of five", "random sums", text="sums", integers=[1, -2, 3, 2**40, -(2**40)]),
        *(add(f"{n}", "codeword", prime=p, degree=n, row=[5, -1, 3]) for p, n in primes),
        add("at the bound", "prove norm", **own),
        add("beyond it", "prove norm", **{**own, "integers": [7, 30, -40, 1, 0]}),
        add("honest", "verify norm", **own),
        add("another context", "verify norm", **own, context=b"another"),
    ]
    places = {"root": 3, "sums": 200, "polynomials": 20_000, "columns": 120_000}
    changed = [add(name, "verify norm", **own, changed=place) for name, place in places.items()]
    assert all(vector["error"] == ProofError.__name__ for vector in changed)
    about = "Norm proofs of crypto/norm_proofs. README.md has the form."
    return {"about": about, "vectors": [*found, *changed]}
