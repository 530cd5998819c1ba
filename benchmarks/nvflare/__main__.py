"""Measures secure sums over NVFlare: `python -m benchmarks.nvflare [SITES [LENGTH]]`."""

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.environments import python_with
from benchmarks.nvflare.kits import ROOT, Kits, write_job
from tff_health.federation.consortium import enrolment
from tff_health.federation.consortium.digests import spoken

ENVIRONMENT = "nvflare-with-tensorflow==2.9.0"
STEPS = [["-r", str(ROOT / "requirements" / "nvflare.txt")]]
ROLES = "benchmarks.nvflare.roles"
SESSIONS = 6
_LIMIT = 300.0


def measure(python: Path, folder: Path, sites: int, length: int) -> dict[str, list[float]]:
    """Returns the seconds of each session, and of each stage of 300 bytes.

    Raises:
        ValueError: if a sum was not the plain one.
        TimeoutError: if there is no result.
    """
    names = [f"site-{number}" for number in range(1, sites + 1)]
    enrolment.found_consortium(folder / "ca", "bench", ("localhost",))
    for name in names:
        request = enrolment.enrol(folder / name, name)
        enrolment.sign(folder / "ca", request, spoken(request.digest))
    told = {"FOLDER": folder, "SITES": sites, "LENGTH": length, "SESSIONS": SESSIONS}
    environment = {f"BENCH_{name}": str(value) for name, value in told.items()}
    with Kits(python, folder, names, [ROLES], environment) as kits:
        kits.start_all()
        for name in names:
            kits.wait_for(name, "Successfully registered")
        kits.submit(write_job(folder, "sum", f"{ROLES}.SumController", f"{ROLES}.SumExecutor"))
        end, result = time.monotonic() + _LIMIT, folder / "result.json"
        while not result.exists():
            kits.check_job()
            if time.monotonic() > end:
                raise TimeoutError(f"no result:\n{kits.logs()}")
            time.sleep(0.1)
    found = json.loads(result.read_text())
    if not found.pop("right"):
        raise ValueError("a sum over NVFlare is not the plain one")
    return found


def main(sites: str = "10", length: str = "306063") -> None:
    """Measures, and prints."""
    python = python_with(ENVIRONMENT, STEPS, install=True)
    if python is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        found = measure(python, Path(folder), int(sites), int(length))
    session = statistics.median(found["seconds"][1:])  # the first makes connections
    stage = statistics.median(found["echoes"])
    print(f"{sites} sites, {int(length):,} coordinates, double masking over NVFlare, mTLS:")
    print(f"  a session            {session:6.2f} s  (range {min(found['seconds'][1:]):.2f} to")
    print(f"                       {max(found['seconds'][1:]):6.2f} s)")
    print(f"  a stage of 300 bytes {1000 * stage:6.1f} ms")


if __name__ == "__main__":
    main(*sys.argv[1:])
