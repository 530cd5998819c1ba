"""What results may depend on beside settings and data: versions and machine."""

import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import tff_health
from tff_health.workers.service import num_processors

_PACKAGES = (
    "tensorflow",
    "tensorflow-federated",
    "tensorflow-privacy",
    "dp-accounting",
    "keras",
    "numpy",
    "scikit-learn",
    "phe",
    "gmpy2",
    "coincurve",
    "cryptography",
)


def versions() -> dict[str, str]:
    """Returns the versions of what results may depend on."""
    return {
        "tff_health": tff_health.__version__,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in _PACKAGES},
    }


def machine() -> dict[str, Any]:
    """Returns what seconds depend on."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "processors_used": num_processors(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.machine()
