"""Runs a program that the kernel ends when its parent ends, however the parent ends.

Usage: python exec_with_parent.py PARENT_PID PROGRAM [ARGUMENT ...]

A program of its own, from the standard library alone: the request to the kernel must be made by
the child, and doing so between fork and exec of a process that has threads is not safe.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # from <linux/prctl.h>


def main() -> None:
    """Asks for SIGKILL on the parent's death, then becomes the program."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != int(sys.argv[1]):  # the parent was gone before we asked
        sys.exit(1)
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
