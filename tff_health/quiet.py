"""Silences what libraries print at import and users cannot act on. Call before importing them."""

import atexit
import logging
import os
import shutil
import tempfile
import warnings
from pathlib import Path

from tff_health.errors import ConfigError

_MATPLOTLIB_FOLDER = "MPLCONFIGDIR"


def silence_libraries() -> None:
    """Leaves TensorFlow only its fatal errors, unless its own variable asks for more.

    Where the user has no home that can be written to, matplotlib gets a folder that is removed in
    the end; it would make one itself, and say so at length.

    Raises:
        ConfigError: if there is no folder for temporary files, which TensorFlow needs.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
    # Of assertions that TFF's own aggregators trace and that run all the same.
    logging.getLogger("tensorflow").addFilter(_is_of_use)
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        raise ConfigError(
            "no folder for temporary files can be written to: name one in $TMPDIR"
        ) from None
    if not os.environ.get(_MATPLOTLIB_FOLDER) and not _has_writable_config():
        folder = tempfile.mkdtemp(prefix="tff_health-matplotlib-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ[_MATPLOTLIB_FOLDER] = folder


def _is_of_use(record: logging.LogRecord) -> bool:
    return "Object was never used" not in record.getMessage()


def _has_writable_config() -> bool:
    """Whether matplotlib could write where it keeps its settings and its list of fonts."""
    for variable, default in (("XDG_CONFIG_HOME", "~/.config"), ("XDG_CACHE_HOME", "~/.cache")):
        try:
            folder = Path(os.environ.get(variable) or default).expanduser() / "matplotlib"
        except RuntimeError:  # the user has no home
            return False
        existing = next(
            (p for p in (folder, *folder.absolute().parents) if os.path.lexists(p)), None
        )
        if existing is None or not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
            return False
    return True
