"""Silences what libraries print at import and users cannot act on. Call before importing them."""

import os
import warnings


def silence_libraries() -> None:
    """Leaves TensorFlow its errors alone, unless the user asks for more by its own variable."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
