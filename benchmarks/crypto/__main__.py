"""All benchmarks of `crypto`, one after the other, each in a process of its own.

Usage: python -m benchmarks.crypto
"""

import subprocess
import sys

NAMES = (
    "groups",
    "secure_sum",
    "flower",
    "client_cost",
    "thousand",
    "elgamal",
    "homomorphic",
    "quality_sum",
    "commitments",
)


def main():
    failed = []
    for name in NAMES:
        print(f"== {name} ==\n", flush=True)
        command = [sys.executable, "-m", f"benchmarks.crypto.{name}"]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
        print(flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
