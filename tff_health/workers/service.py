"""How TFF's executor service is started; nothing here imports TensorFlow, which takes seconds."""

import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tff_health.errors import RunError
from tff_health.workers import launch_service


def service_command(parent: int, listener: str, concurrency: int) -> list[str]:
    """Returns the command that starts an executor service; see `launch_service`."""
    return [
        *(sys.executable, "-I", "-S", launch_service.__file__, str(parent), listener),
        *(str(worker_binary()), "--port={port}"),
        f"--max_concurrent_computation_calls={concurrency}",
    ]


def service_environment(threads: int, inherited: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment of an executor service.

    Args:
        threads: for one client. The order of floating-point sums follows from it, so that results
            of services can differ in their last bits where it does.
        inherited: the user's environment, as `os.environ`. What it says of threads and memory
            counts, and of logs; its proxies do not, as a service calls nobody outside.
    """
    defaults = {
        # On some processors the service says at each start what its kernels round otherwise.
        "TF_CPP_MIN_LOG_LEVEL": "1",
        "TF_NUM_INTRAOP_THREADS": str(threads),
        # glibc keeps what threads freed in arenas of their own, which grow for hundreds of
        # rounds; one arena keeps memory flat. The tensors of a step stay in it: pages of their own
        # for each, mapped and cleared anew, took an eighth of a round's time.
        "MALLOC_ARENA_MAX": "1",
        "MALLOC_MMAP_THRESHOLD_": str(2**25),
        "MALLOC_TRIM_THRESHOLD_": str(2**29),
    }
    kept = {k: v for k, v in inherited.items() if not k.lower().endswith("_proxy")}
    return defaults | kept


def num_processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def worker_binary() -> Path:
    """Path of the executor service that TFF's wheel brings along.

    Raises:
        RunError: if it is not there.
    """
    package = importlib.util.find_spec("tensorflow_federated")
    if package is None or package.origin is None:
        raise RunError("tensorflow-federated is not installed: run make setup")
    path = Path(package.origin).parent / "data" / "worker_binary"
    if not path.is_file():
        raise RunError(f"no TFF worker at {path}: install tensorflow-federated again")
    return path
