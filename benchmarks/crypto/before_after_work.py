"""One piece of work in the build that is on the path; prints its numbers as JSON.

It speaks to builds of different ages: imports and names that have changed are told apart here.

Usage: PYTHONPATH=TREE python before_after_work.py PART CORES SCALE
"""

import hashlib
import importlib
import json
import os
import resource
import sys
import time

import numpy as np

PARTS = ("fang", "thousand", "ffdhe2048", "secp256k1", "thirty")
PAPER_LENGTH, CLIENTS = 306_063, 30
MAX_QUALITY = 10_000


def named(name, *modules):
    """The class or value of a name, from where this build has it."""
    for module in modules:
        try:
            return getattr(importlib.import_module(module), name)
        except ModuleNotFoundError:
            continue
    raise ModuleNotFoundError(f"{name} in none of {modules}")


def protocol(name, folder, *arguments, cores=1, **options):
    modules = f"crypto.protocols.{folder}.session", f"crypto.{folder}.session"
    made = named(name, *modules)(*arguments, clock=time.process_time, **options)
    if cores > 1 and hasattr(type(made), "cores"):
        made.cores = cores
    return made


def processor():
    """Seconds of this process, and of its children that have ended."""
    spent = os.times()
    return spent.user + spent.system, spent.children_user + spent.children_system


class Measured:
    """What a session took."""

    def __init__(self, run, cores):
        wall, (own, children) = time.perf_counter(), processor()
        self.result = run()
        wall, (own_after, children_after) = time.perf_counter() - wall, processor()
        own, children = own_after - own, children_after - children
        self.numbers = {
            "wall s": wall,
            "processor s": own + children,
            # As if workers shared their part evenly, and the server worked while they compute.
            "chain s": max(own, (own + children) / cores),
            "memory MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        }

    def with_sum(self):
        digest = hashlib.sha256(np.asarray(self.result.sum, np.uint64).tobytes())
        return {**self.numbers, "sum": digest.hexdigest()}


def vectors(clients, length, bits):
    rng = np.random.default_rng(0)
    return {c: rng.integers(0, 2**bits, length, dtype=np.uint64) for c in range(clients)}


def fang(cores, scale):
    given = vectors(10, int(scale * PAPER_LENGTH), 20)
    summing = protocol("HomomorphicSum", "homomorphic_sum", cores=cores)
    short = {client: vector[:50] for client, vector in given.items()}
    summing.sum_integers(short, 20, round_id=0)  # makes the key, and tables
    ahead = {}
    if hasattr(summing, "prepare"):
        plan = named("VectorPlan", "crypto.vector_schemes.scheme")
        made = Measured(
            lambda: summing.prepare(given, plan(len(given[0]), 20, len(given))), cores
        ).numbers
        ahead = {f"ahead of upload, {name}": made[name] for name in ("wall s", "processor s")}
    measured = Measured(lambda: summing.sum_integers(given, 20, round_id=1), cores)
    work = {(row.stage, row.role): row.seconds for row in measured.result.costs.work}
    online = {
        "encryption online, a client s": work["upload", "client"] / len(given),
        "decryption s": work["upload", "authority"],
    }
    return {**measured.with_sum(), **online, **ahead}


def thousand(cores, scale):
    given = vectors(1000, int(scale * 10_000), 32)
    topology = named("RegularGraph", "crypto.protocols.masking.topology", "crypto.masking.topology")
    summing = protocol("DoubleMasking", "masking", topology(0.1, 0.1), cores=cores)
    gone = dict.fromkeys(range(0, 1000, 10), "masked input")
    return Measured(lambda: summing.sum(given, 32, round_id=1, dropouts=gone), cores).with_sum()


def thirty(cores, scale):
    given = vectors(CLIENTS, int(scale * PAPER_LENGTH), 32)
    summing = protocol("DoubleMasking", "masking", cores=cores)
    summing.sum({c: v[:50] for c, v in given.items()}, 32, round_id=0)
    return Measured(lambda: summing.sum(given, 32, round_id=1), cores).with_sum()


def quality_sum(group, cores):
    given = {c: np.array([331 * c], np.uint64) for c in range(CLIENTS)}
    summing = protocol("ElGamalSum", "elgamal_sum", group, proofs=True, cores=cores)
    run = getattr(summing, "sum_up_to", None) or summing.integer_sum
    run(given, MAX_QUALITY, round_id=0)  # makes the key, and tables
    return Measured(lambda: run(given, MAX_QUALITY, round_id=1), cores).with_sum()


def ffdhe2048(cores, scale):  # noqa: ARG001
    group = named("FFDHE2048", "crypto.groups.ffdhe", "crypto.safe_prime_group")
    return quality_sum(group, cores)


def secp256k1(cores, scale):  # noqa: ARG001
    group = named("SECP256K1", "crypto.groups.secp256k1", "crypto.secp256k1_group")
    return quality_sum(group, cores)


if __name__ == "__main__":
    part, cores, scale = sys.argv[1:]
    print(json.dumps(globals()[part](int(cores), float(scale))))
