"""Creates the virtual environment that `make` runs everything in.

Usage: python3.11 -m tff_health.install ENVIRONMENT REQUIREMENTS

Runs on the bare interpreter, before any package is there. It is done once: a stamp, written last,
holds the digest of the requirements and of the interpreter. Without a matching stamp (first time,
changed requirements, an interrupted installation) the environment is made anew.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import time
import venv
from pathlib import Path

from tff_health import machine

STAMP_NAME = "installed.sha256"
# --no-deps: the list is complete, and TFF's own pin on jaxlib cannot be met (see the README).
_PIP_OPTIONS = ("--no-deps", "--quiet", "--disable-pip-version-check")


class InstallError(Exception):
    """The environment could not be set up; the message is one line for the user."""


def requirements_digest(requirements: Path) -> str:
    """Returns the SHA-256 digest, in hex, of the requirements' text and of this interpreter."""
    text = requirements.read_bytes() + sys.version.encode() + sys.base_prefix.encode()
    return hashlib.sha256(text).hexdigest()


def is_installed(environment: Path, requirements: Path) -> bool:
    """Says whether `environment` was completely installed from these very requirements."""
    stamp = environment / STAMP_NAME
    return stamp.exists() and stamp.read_text(encoding="utf-8") == requirements_digest(requirements)


def install(environment: Path, requirements: Path) -> None:
    """Installs `requirements` into a new virtual environment, unless that was done before.

    Raises:
        InstallError: if the machine does not suit, or pip failed; a later call starts anew.
    """
    for problem in (
        machine.python_problem(),
        machine.platform_problem(),
        machine.processor_problem(),
    ):
        if problem:
            raise InstallError(problem)
    if is_installed(environment, requirements):
        return
    if problem := machine.disk_problem(environment):
        raise InstallError(problem)
    environment.absolute().parent.mkdir(parents=True, exist_ok=True)
    # A second `make` waits for the first one instead of clearing its half-made environment.
    parent = os.open(environment.absolute().parent, os.O_RDONLY)
    try:
        fcntl.flock(parent, fcntl.LOCK_EX)
        if not is_installed(environment, requirements):
            _install_anew(environment, requirements)
    finally:
        os.close(parent)


def _install_anew(environment: Path, requirements: Path) -> None:
    number = sum(
        1 for line in requirements.read_text(encoding="utf-8").splitlines() if "==" in line
    )
    print(f"Installing {number} packages into {environment} (once; about two minutes)", flush=True)
    start = time.monotonic()
    venv.create(environment, clear=True, with_pip=True)
    python = str(environment / "bin/python")
    log_path = environment / "install.log"
    with log_path.open("w", encoding="utf-8") as log:
        code = subprocess.call(
            [python, "-m", "pip", "install", *_PIP_OPTIONS, "-r", str(requirements)],
            stdout=log,
            stderr=log,
        )
    if code != 0:
        raise InstallError(_pip_failure(log_path, environment))
    (environment / STAMP_NAME).write_text(requirements_digest(requirements), encoding="utf-8")
    print(f"Installed in {time.monotonic() - start:.0f} s", flush=True)


def _pip_failure(log_path: Path, environment: Path) -> str:
    log = log_path.read_text(encoding="utf-8", errors="replace")
    if "No space left on device" in log:
        return machine.disk_problem(environment) or f"the disk is full at {environment}"
    if "after connection broken by" in log:  # pip's word for every kind of it
        return f"no package index could be reached: check the network; pip's words: {log_path}"
    errors = [line for line in log.splitlines() if line.startswith("ERROR")]
    return f"pip failed: {errors[0] if errors else 'no reason given'} (whole log: {log_path})"


def main(arguments: list[str]) -> int:
    """Installs what the command line names; returns the exit code."""
    if len(arguments) != 2:
        print("usage: python3.11 -m tff_health.install ENVIRONMENT REQUIREMENTS", file=sys.stderr)
        return 2
    try:
        install(Path(arguments[0]), Path(arguments[1]))
    except InstallError as error:
        print(f"Set-up failed: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"Set-up failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Set-up interrupted; the next call starts it anew.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
