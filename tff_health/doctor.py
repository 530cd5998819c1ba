"""Says what works on this machine, what does not, and why.

Usage: python -m tff_health.doctor [--data_dir=DIR]
"""

from tff_health import interrupts

if __name__ == "__main__":  # first, as what follows takes a moment
    interrupts.watch("interrupted")

import argparse
import contextlib
import functools
import multiprocessing
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from multiprocessing.connection import Connection
from pathlib import Path

from tff_health import machine, utf8
from tff_health.data.catalog import DATA_SETS, load
from tff_health.data.folders import cache_folder, data_folder
from tff_health.errors import ConfigError, TffHealthError
from tff_health.quiet import silence_libraries

_MEMORY_GIB = 4.0
_RUN_DISK_GIB = 1.0
_FORK = multiprocessing.get_context("fork")  # checks are functions of this module, or of a test
_OF_CLONE, _OF_PACKAGE = (folder / "requirements.txt" for folder in Path(__file__).parents[1::-1])
_REQUIREMENTS = _OF_CLONE if _OF_CLONE.exists() else _OF_PACKAGE


@dataclass(frozen=True)
class Finding:
    """What one check found; a failure that is `needed` keeps experiments from running."""

    name: str
    works: bool
    detail: str
    needed: bool = True


def examine(data_dir: Path | None, cache_dir: Path | None) -> Iterator[Finding]:
    """Yields the findings one by one; later checks are left out if they cannot but fail.

    Args:
        data_dir: the folder of the data files; None if none is known.
        cache_dir: the cache folder; None if it cannot be written to.
    """
    for name, problem in (
        ("Python", machine.python_problem()),
        ("platform", machine.platform_problem()),
        ("processor", machine.processor_problem()),
        ("disk", machine.disk_problem(Path.cwd(), _RUN_DISK_GIB)),
    ):
        yield Finding(name, problem is None, problem or "suits")
    yield _cache(cache_dir)
    yield _memory()
    packages = _packages()
    yield packages
    if not packages.works or machine.processor_problem():
        return
    yield from _apart(
        [
            ("TensorFlow", _tensorflow, True),
            ("TFF worker", _worker, True),
            ("cryptography", _cryptography, True),
            *(
                (f"data: {n}", functools.partial(_data, n, data_dir, cache_dir), False)
                for n in DATA_SETS
            ),
        ]
    )


def _apart(checks: Sequence[tuple[str, Callable[[], str], bool]]) -> Iterator[Finding]:
    """Yields what checks find in a process apart: some libraries end theirs without a word."""
    left, start_anew = list(checks), True
    while left and start_anew:
        start_anew = False
        receiver, sender = multiprocessing.Pipe(duplex=False)
        child = _FORK.Process(target=_tell, args=(left, sender))
        child.start()
        sender.close()
        with contextlib.suppress(EOFError):
            while left:
                yield receiver.recv()
                left.pop(0)
        child.join()
        if left:
            name, _, needed = left.pop(0)
            yield Finding(name, False, f"ended the process {_how(child.exitcode)}", needed)
            start_anew = True


def _tell(checks: Sequence[tuple[str, Callable[[], str], bool]], sender: Connection) -> None:
    for name, check, needed in checks:
        sender.send(_attempt(name, check, needed))


def _how(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"by {signal.Signals(-exit_code).name}"
    return f"with exit code {exit_code}"


def _attempt(name: str, check: Callable[[], str], needed: bool = True) -> Finding:
    try:
        return Finding(name, True, check(), needed)
    except TffHealthError as error:
        return Finding(name, False, str(error), needed)
    except Exception as error:  # whatever is broken is what we are here to tell
        return Finding(name, False, f"{type(error).__name__}: {error}", needed)


def _cache(folder: Path | None) -> Finding:
    if folder is None:
        detail = (
            "there is none that can be written to: each run keeps its own in its results folder"
        )
        return Finding("cache folder", True, detail)
    problem = machine.disk_problem(folder, _RUN_DISK_GIB)
    return Finding("cache folder", problem is None, problem or "suits")


def _memory() -> Finding:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    processors = len(os.sched_getaffinity(0))
    detail = f"{processors} processors, {total:.0f} GiB of memory"
    if total < _MEMORY_GIB:
        return Finding("machine", False, f"{detail}; {_MEMORY_GIB:.0f} GiB are needed")
    return Finding("machine", True, detail)


def _packages() -> Finding:
    wanted = re.findall(
        r"^([\w.-]+)==(\S+)", _REQUIREMENTS.read_text(encoding="utf-8"), re.MULTILINE
    )
    missing, other = [], []
    for name, version in wanted:
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
            continue
        if found != version:
            other.append(f"{name} {found} (tested with {version})")
    if missing:
        detail = f"{len(missing)} of {len(wanted)} missing ({', '.join(missing[:3])}, ...): "
        return Finding("packages", False, detail + "run `make setup`, then use .venv/bin/python")
    if other:
        return Finding("packages", True, f"all there, but other versions of {', '.join(other)}")
    return Finding("packages", True, f"all {len(wanted)} there, as pinned")


def _tensorflow() -> str:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    note = f"{len(gpus)} GPUs, which TFF's workers may use" if gpus else "on the processor alone"
    return f"{tf.__version__}, {note}"


def _worker() -> str:
    import numpy as np
    import tensorflow_federated as tff

    from tff_health.workers.context import create_context
    from tff_health.workers.worker import LocalWorker

    @tff.federated_computation(tff.FederatedType(np.int32, tff.CLIENTS))
    def add(values):  # type: ignore[no-untyped-def]
        return tff.federated_sum(values)

    with (
        tempfile.TemporaryDirectory() as folder,
        LocalWorker(Path(folder) / "worker.log", concurrency=1) as worker,
    ):
        tff.framework.set_default_context(create_context(worker))
        if add([1, 2, 3]) != 6:
            raise RuntimeError("the sum of 1, 2 and 3 over three clients was not 6")
    return f"TFF {tff.__version__} sums over clients"


def _cryptography() -> str:
    import gmpy2
    import phe.util
    from cryptography.hazmat.backends.openssl import backend

    if not phe.util.HAVE_GMP:
        raise RuntimeError("phe does not use gmpy2, so Paillier would be many times slower")
    return f"GMP {gmpy2.mp_version().split()[-1]}, {backend.openssl_version_text()}"


def _data(name: str, data_dir: Path | None, cache_dir: Path | None) -> str:
    with tempfile.TemporaryDirectory(prefix="tff_health-") as folder:
        images = load(name, data_dir, cache_dir or Path(folder))
    return f"{len(images):,} images, {images.form}"


def main(arguments: list[str] | None = None) -> int:
    """Prints the findings; returns 0 if experiments can run."""
    parser = argparse.ArgumentParser(prog="python -m tff_health.doctor", description=__doc__)
    parser.add_argument("--data_dir", type=Path, help="folder of the data files")
    options = parser.parse_args(arguments)
    try:
        silence_libraries()
        data_dir = data_folder(options.data_dir, os.environ)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    can_run = True
    for finding in examine(data_dir, cache_folder(os.environ)):
        mark = "ok  " if finding.works else "FAIL" if finding.needed else "none"
        can_run &= finding.works or not finding.needed
        print(f"{mark}  {finding.name:24} {finding.detail}", flush=True)
    print("Experiments can run." if can_run else "Experiments cannot run: see FAIL above.")
    return 0 if can_run else 1


def program() -> None:
    """Prints the findings, and ends the process."""
    utf8.use_utf8()
    sys.exit(main())


if __name__ == "__main__":
    program()
