"""Silences what libraries print at import and users cannot act on. Call before importing them."""

import os
import warnings


def silence_libraries() -> None:
    """Leaves TensorFlow only its fatal errors, unless its own variable asks for more."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
