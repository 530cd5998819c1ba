"""Runs peers' own secure aggregation on the same vectors, and says what came of it.

    python -m benchmarks.peers [--install] [--clients 5] [--coordinates 306063] [--json FILE]

Each peer runs in an environment of its own in the user's cache folder, which --install makes
(downloads of up to 3 GB). All roles run in one process, one after the other, without a network. Our
own double masking does the same.
"""

import argparse
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.environments import python_with
from crypto import DoubleMasking, FixedPoint
from crypto.session.costs import Costs
from tff_health import __version__

PEERS = {
    "flower": ("flwr==1.42.0",),
    "nvflare": ("nvflare==2.9.0", "tenseal==0.3.18"),
    "openfl": ("openfl==1.9", "pycryptodome==4.4.0"),
    "appfl": ("appfl==1.12.0",),
}
_FOLDER = Path(__file__).parent
_FRACTION_BITS = 20


def peer(name: str, clients: int, coordinates: int, install: bool) -> dict[str, Any] | None:
    """Runs one; None, with a printed note, if it is not installed."""
    packages = PEERS[name]
    python = python_with(f"peers-{packages[0]}", [packages], install)
    if python is None:
        return None
    command = [str(python), str(_FOLDER / f"{name}_run.py"), str(clients), str(coordinates)]
    process = subprocess.run(command, check=False, capture_output=True, text=True, timeout=900)
    if process.returncode:
        raise RuntimeError(f"{name}: {process.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return told


def ours(clients: int, coordinates: int) -> dict[str, Any]:
    """The same by double masking, and with one client lost in each stage."""
    rng = np.random.default_rng(0)
    encoding, protocol = FixedPoint(_FRACTION_BITS, 1.0), DoubleMasking()
    bits = encoding.required_bits(clients)
    values = [rng.normal(0, 0.01, coordinates) for _ in range(clients)]
    residues = [
        encoding.encode(vector).astype(np.uint64) % np.uint64(1 << bits) for vector in values
    ]

    def run(round_id: int, dropouts: dict[int, str]) -> tuple[float, Costs]:
        vectors = dict(enumerate(residues))
        result = protocol.sum(vectors, bits, round_id=round_id, dropouts=dropouts)
        left = result.survivors
        found = encoding.decode_sum(result.sum, bits, len(left)) / len(left)
        return float(np.abs(found - np.mean([values[c] for c in left], 0)).max()), result.costs

    start = time.perf_counter()
    largest, costs = run(1, {})
    whole = time.perf_counter() - start
    seconds = {
        stage: sum(row.seconds for row in costs.work if row.stage == stage)
        for stage in protocol.stages
    }
    sent = {
        stage: sum(
            row.bytes for row in costs.messages if (row.stage, row.direction) == (stage, "up")
        )
        // clients
        for stage in protocol.stages
    }
    lost = {
        stage: run(2 + place, {0: stage})[0] < 2.0**-_FRACTION_BITS
        for place, stage in enumerate(protocol.stages)
    }
    return {
        "version": __version__,
        "seconds": {**seconds, "whole": whole},
        "bytes_up": sent,
        "largest_error": largest,
        "one_lost_in": lost,
    }


def main() -> None:
    """Prints what each says, and writes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--install", action="store_true", help="make environments that are missing")
    parser.add_argument("--clients", type=int, default=5)
    parser.add_argument("--coordinates", type=int, default=306_063)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    size = options.clients, options.coordinates
    found = {"double masking (ours)": ours(*size)}
    for name in PEERS:
        if told := peer(name, *size, options.install):
            found[name] = told
    for name, told in found.items():
        print(f"\n{name} {told.pop('version')}, {size[0]} clients, {size[1]:,} coordinates")
        for what, value in told.items():
            print(f"  {what:38} {_worded(value)}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


def _worded(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_worded(part)}" for name, part in value.items())
    if isinstance(value, float):
        return f"{value:.3g}"
    return f"{value:,}" if type(value) is int else str(value)


if __name__ == "__main__":
    main()
