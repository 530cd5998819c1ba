"""What this machine must offer before anything can be installed, from the standard library alone.

TFF 0.87 is published as one wheel (Linux x86-64, glibc 2.31 or later). Of the Python versions that
it admits, 3.11 is the only one that is still maintained, and the only one that we test.
"""

import os
import platform
import shutil
import sys
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
REQUIRED_PYTHON = (3, 11)
REQUIRED_GLIBC = (2, 31)
REQUIRED_DISK_GIB = 5.0


def python_problem() -> str | None:
    """Returns what is wrong with the running Python, or None."""
    if sys.version_info[:2] == REQUIRED_PYTHON:
        return None
    found = ".".join(map(str, sys.version_info[:3]))
    return f"Python {found} found, but TensorFlow Federated 0.87 needs Python 3.11: install it"


def platform_problem() -> str | None:
    """Returns what is wrong with the operating system, processor or C library, or None."""
    system, processor = platform.system(), platform.machine()
    if (system, processor) != ("Linux", "x86_64"):
        return (
            f"{system} on {processor} found, but TensorFlow Federated is published for Linux on "
            "x86_64 only: use such a machine, or a Linux/amd64 container"
        )
    library, version = platform.libc_ver()
    if library != "glibc":
        return (
            f"C library '{library or 'unknown'}' found, but TensorFlow Federated needs glibc 2.31 "
            "or later: use a distribution such as Debian 11 or Ubuntu 20.04, or later"
        )
    if tuple(int(part) for part in version.split(".")[:2]) < REQUIRED_GLIBC:
        return f"glibc {version} found, but TensorFlow Federated needs 2.31 or later"
    return None


def processor_problem(cpuinfo: Path | None = None) -> str | None:
    """Returns what the processor lacks, or None.

    TensorFlow's wheel ends the process, some versions without a word, where it cannot use AVX.

    Args:
        cpuinfo: where the kernel tells what the processor knows; None for its usual place.
    """
    try:
        lines = (cpuinfo or CPUINFO).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), [])
    if not flags or "avx" in flags:
        return None
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (
        f"processor '{(names or ['unknown'])[0]}' without AVX found, but TensorFlow needs it: use "
        "another machine, or have the virtual machine show its host's processor"
    )


def disk_problem(folder: Path, required_gib: float = REQUIRED_DISK_GIB) -> str | None:
    """Returns why `folder` (or its nearest existing parent) cannot take `required_gib`, or None."""
    existing = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if not os.access(existing, os.W_OK):
        return f"{existing} cannot be written to: choose another place or change its permissions"
    free_gib = shutil.disk_usage(existing).free / 2**30
    if free_gib < required_gib:
        return f"{free_gib:.1f} GiB free at {existing}, but {required_gib:.1f} GiB are needed"
    return None
