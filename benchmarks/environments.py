"""Environments of their own for what is compared with ours."""

import os
import subprocess
import venv
from collections.abc import Sequence
from pathlib import Path


def python_with(package: str, steps: Sequence[Sequence[str]], install: bool) -> Path | None:
    """Returns the interpreter of an environment in the user's cache folder, made if need be.

    Args:
        package: what it is for, as "name==version".
        steps: the arguments of each `pip install`.
        install: whether it may be made.

    Returns:
        None, with a printed note, if there is none.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = cache / "tff_health" / package.replace("==", "-")
    python, stamp = folder / "bin" / "python", folder / "complete"
    if stamp.exists():
        return python
    if not install:
        print(f"Skipped: {package} is not installed in {folder}.")
        return None
    print(f"Installing {package} into {folder} ...")
    try:
        venv.create(folder, clear=True, with_pip=True)
        for step in steps:
            pip = [str(python), "-m", "pip", "install", "--quiet", *step]
            subprocess.run(pip, check=True, capture_output=True, text=True, timeout=1200)
    except (OSError, subprocess.SubprocessError) as error:
        reason = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
        print(f"Skipped: {package} cannot be installed: {reason}")
        return None
    stamp.touch()
    return python
