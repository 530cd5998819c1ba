"""config.json: all that results may depend on."""

import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import tff_health
from tff_health.settings.config import RunConfig
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


def config_json(config: RunConfig, **parts: object) -> dict[str, Any]:
    """Returns the content of config.json: settings, the parts given, versions and machine.

    Args:
        config: the settings.
        parts: what else decides the outcome or follows from the settings: "derived", "data".
    """
    return {"config": config.as_dict(), **parts, "versions": _versions(), "machine": _machine()}


def _versions() -> dict[str, str]:
    return {
        "tff_health": tff_health.__version__,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in _PACKAGES},
    }


def _machine() -> dict[str, Any]:
    """What seconds depend on."""
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
