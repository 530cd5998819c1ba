"""File names, texts and output in UTF-8, whatever the locale says."""

import codecs
import contextlib
import os
import sys


def use_utf8() -> None:
    """Starts this program anew in Python's UTF-8 mode if the locale has another encoding.

    Without it, under LANG=C for example, names with accents could neither be printed nor handed to
    TensorFlow, which takes all names for UTF-8. Call before anything is done.
    """
    if codecs.lookup(sys.getfilesystemencoding()).name != "utf-8" and sys.executable:
        os.environ["PYTHONUTF8"] = "1"  # for what this program starts
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
    for stream in (sys.stdout, sys.stderr):
        # PYTHONIOENCODING may still say something else; better an escape than an error. A stream
        # that is closed, or not text, needs nothing.
        with contextlib.suppress(AttributeError):
            if codecs.lookup(stream.encoding).name != "utf-8":
                stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
