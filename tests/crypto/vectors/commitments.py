"""Commitments that add up, each step as a function from numbers to numbers, and vectors of them."""

import hashlib

import numpy as np

from crypto.commitments.commitment import Commitment, Opening, check_opening, commit
from crypto.commitments.gaussian import DiscreteGaussian
from crypto.commitments.matrix import public_values
from crypto.commitments.parameters import LEVELS, CommitmentParameters
from crypto.commitments.transform import transform
from tests.crypto.vectors.form import case
from tests.crypto.vectors.operations import source


def _modulo(values, prime):
    return [int(value) for value in np.mod(values, prime)]


def _choose(length, largest, num_clients, extra_largest=()):
    found = CommitmentParameters.choose(length, largest, num_clients, tuple(extra_largest))
    return {
        "degree": found.level.degree,
        "primes": list(found.level.primes),
        "variance": str(found.variance),
        "largest of one": found.distribution.largest,
        "largest of the sum": found.largest_hiding,
        "bytes": found.level.commitment_bytes,
    }


def _public(degree, prime, place):
    return {"first": _modulo(public_values(degree, prime, place, 1)[0, :8], prime)}


def _transform(degree, prime, coefficients):
    polynomial = np.zeros((1, degree))
    polynomial[0, : len(coefficients)] = coefficients
    values = _modulo(transform(prime, degree).forward(polynomial)[0], prime)
    return {"first": values[:8], "last": values[-8:]}


def _draw(clients, count, random):
    parameters = CommitmentParameters.choose(1, 1, clients)
    drawn = DiscreteGaussian(parameters.variance).draw(count, source(random))
    return {"numbers": [int(number) for number in drawn]}


def _commit(integers, largest, num_clients, random, extra_largest=()):
    made, opening = _committed(integers, largest, num_clients, random, extra_largest)
    data = made.to_bytes()
    return {
        "first": [[int(value) for value in values[:4]] for values in made.values],
        "secret": [int(number) for number in opening.secret[:8]],
        "sha256": hashlib.sha256(data).digest(),
    }


def _committed(integers, largest, num_clients, random, extra_largest=()):
    parameters = CommitmentParameters.choose(
        len(integers), largest, num_clients, tuple(extra_largest)
    )
    return commit(np.array(integers, np.int64), parameters, source(random))


def _open(vectors, largest, random, claimed, secret_changed=0):
    made = [
        _committed(vector, largest, len(vectors), f"{random} {i}")
        for i, vector in enumerate(vectors)
    ]
    total = Commitment.sum_of(commitment for commitment, _ in made)
    secret = sum(opening.secret for _, opening in made)
    secret[0] += secret_changed
    check_opening(total, np.array(claimed, np.int64), Opening(secret))
    return {"sha256": hashlib.sha256(total.to_bytes()).digest()}


OPERATIONS = {
    "choose parameters": _choose,
    "public polynomial": _public,
    "transform": _transform,
    "discrete gaussian": _draw,
    "commit": _commit,
    "open the sum": _open,
}


def vectors():
    """Return the content of commitments.json."""
    found = [
        case(OPERATIONS, name, "choose parameters", **given)
        for name, given in {
            "the paper's network": {"length": 306063, "largest": 2**22 - 1, "num_clients": 10},
            "32 bits": {"length": 306063, "largest": 2**31 - 1, "num_clients": 30},
            "62 bits": {"length": 306063, "largest": 2**61 - 1, "num_clients": 1000},
            "an extra": {"length": 9, "largest": 1, "num_clients": 3, "extra_largest": [2**40]},
            "nothing": {"length": -1, "largest": 1, "num_clients": 3},
            "too large": {"length": 306063, "largest": 2**90, "num_clients": 3},
        }.items()
    ]
    for level in LEVELS:
        for prime in level.primes:
            ring = {"degree": level.degree, "prime": prime}
            found.append(case(OPERATIONS, "b", "public polynomial", **ring, place=0))
            found.append(case(OPERATIONS, "a_7", "public polynomial", **ring, place=7))
            found.append(
                case(OPERATIONS, "3 X^2 - X + 5", "transform", **ring, coefficients=[5, -1, 3])
            )
    for clients in (1, 10, 1000):
        given = {"clients": clients, "count": 16, "random": "gaussian"}
        found.append(case(OPERATIONS, f"{clients} clients", "discrete gaussian", **given))
    given = {"integers": [1, -2, 3], "num_clients": 3, "random": "commit"}
    for largest in (100, 2**46, 2**61):
        found.append(case(OPERATIONS, f"up to {largest}", "commit", **given, largest=largest))
    sums = {"vectors": [[1, -2, 3], [10, 20, -30], [0, 0, 100]], "largest": 127, "random": "open"}
    for name, claimed in {
        "the sum": [11, 18, 73],
        "one more": [11, 18, 74],
        "a client less": [11, 18, -27],
        "a prime more": [11, 18, 73 + LEVELS[0].primes[0]],
    }.items():
        found.append(case(OPERATIONS, name, "open the sum", **sums, claimed=claimed))
    another = case(
        OPERATIONS, "another secret", "open the sum", **sums, claimed=[11, 18, 73], secret_changed=1
    )
    about = "Commitments of crypto/commitments. README.md has the form."
    return {"about": about, "vectors": [*found, another]}
