"""Builds the wheel and uses it with nothing but its core dependencies: `python -m tools.package`.

An environment of its own, removed in the end, gets the wheel as `pip install` would, on this
Python; there `crypto` computes a secure sum without TensorFlow.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
_CHECK = """
import importlib.util
import numpy
from importlib import metadata

from crypto import DoubleMasking
from crypto import HardenedQualitySum
from crypto import HomomorphicSum
from crypto import PaillierSum
from crypto import SparseSum

assert importlib.util.find_spec("tensorflow") is None
vectors = {client: numpy.arange(5, dtype=numpy.int64) * client for client in range(4)}
result = DoubleMasking().sum(vectors, 16, round_id=1, dropouts={0: "masked input"})
assert result.sum.tolist() == [0, 6, 12, 18, 24], result.sum
for name in (PaillierSum, HomomorphicSum, SparseSum, HardenedQualitySum):
    assert name.__doc__
name = "tff_health"
print(name, metadata.version(name), "with NumPy", numpy.__version__, "sums securely")
"""


def main() -> int:
    """Builds, installs and tries the package; returns the exit code."""
    with tempfile.TemporaryDirectory(prefix="tff_health-package-") as name:
        folder = Path(name)
        try:
            _run(sys.executable, "-m", "venv", str(folder / "venv"))
            python = str(folder / "venv/bin/python")
            _run(python, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT))
            (wheel,) = folder.glob("*.whl")
            _run(python, "-m", "pip", "install", "-q", str(wheel))
            _run(python, "-c", _CHECK, cwd=folder)
        except subprocess.CalledProcessError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return 0


def _run(*command: str, cwd: Path = ROOT) -> None:
    subprocess.run(command, check=True, cwd=cwd)


if __name__ == "__main__":
    sys.exit(main())
