"""Keeps what is in a program's memory out of files: keys, updates and labels are there."""

import resource


def forbid_core_files() -> None:
    """Has the operating system write no core file if this program crashes."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
