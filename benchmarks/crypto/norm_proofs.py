"""Proofs of norms beside the commitments they are of: time of a client and a server, and bytes.

Usage: python -m benchmarks.crypto.norm_proofs [--length=306063] [--clients=10] [--turns=5]

Processor time of one core, medians over turns in one run; the first turn, which makes public
polynomials and tables, does not count.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from crypto.commitments.commitment import commit
from crypto.encoding.bit_packing import packed_bytes
from crypto.errors import ProofError
from crypto.norm_proofs.parameters import NormParameters
from crypto.norm_proofs.proof import NormProof
from crypto.norm_proofs.prover import prove_norm
from crypto.norm_proofs.verifier import verify_norm

_FREE = 10
_CONTEXT = b"benchmark"


def timed(times: list[float], run: Callable[[], Any]) -> Any:
    """Returns what a call returns, and notes its processor time."""
    before = time.process_time()
    found = run()
    times.append(time.process_time() - before)
    return found


def measure(name: str, length: int, bits: int, clients: int, norm: int, turns: int) -> None:
    """Prints a row: vectors with a norm at the bound, and ten metrics beside them."""
    largest = (1 << (bits - 1)) - 1
    parameters = NormParameters.choose(length + _FREE, largest, clients, bounded=length, bound=norm)
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=length)
    updates = np.trunc(drawn * (norm / np.linalg.norm(drawn))).astype(np.int64)
    metrics = rng.integers(-parameters.free_largest, parameters.free_largest, _FREE)
    whole = np.concatenate([metrics, updates])
    committing, proving, checking = times = [], [], []
    for _ in range(turns + 1):
        made, opening = timed(committing, lambda: commit(whole, parameters.commitment))
        proof = timed(
            proving, lambda made=made, o=opening: prove_norm(whole, o, made, parameters, _CONTEXT)
        )
        data = proof.to_bytes(parameters)
        read = NormProof.from_bytes(data, parameters)
        timed(checking, lambda made=made, read=read: verify_norm(read, made, parameters, _CONTEXT))
        try:
            verify_norm(read, made, parameters, b"another")
        except ProofError:
            pass
        else:
            raise AssertionError("a proof of another context was accepted")
    commit_s, prove_s, check_s = (statistics.median(some[1:]) for some in times)
    upload = packed_bytes(length, bits)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:28} commit {commit_s:.3f} s, prove {prove_s:.2f} s ({prove_s / commit_s:.0f} "
        f"times), check {check_s:.2f} s a client; {len(data):,} bytes, {len(data) / upload:.0%} of "
        f"an upload of {upload:,}; {len(parameters.primes)} primes, N {parameters.level.degree}, "
        f"2^-{parameters.soundness_bits:.1f}; most memory {memory:,.0f} MB",
        flush=True,
    )


def main() -> None:
    """Measures the paper's network with two encodings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--length", type=int, default=306_063)
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--turns", type=int, default=5)
    asked = parser.parse_args()
    for name, bits, norm in (
        ("23 bits a coordinate", 23, 1 << 16),
        ("50 bits, as with qualities", 50, 1 << 43),
    ):
        measure(name, asked.length, bits, asked.clients, norm, asked.turns)


if __name__ == "__main__":
    main()
