"""Runs a worker for others: `python -m tff_health.worker --port=8000`.

It computes whatever reaches its port, reads files as this user, and its channel is not encrypted:
TFF's executor service has neither passwords nor TLS. So it listens on this machine alone unless
--host says otherwise, and then belongs on a network where everyone is trusted. Runs reach it
directly, never through an HTTP proxy.
"""

import argparse
import os
import sys

from tff_health import machine
from tff_health.errors import TffHealthError
from tff_health.workers import launch_service
from tff_health.workers.service import num_processors, service_command, service_environment


def main() -> None:
    """Parses the command line and becomes the worker."""
    parser = argparse.ArgumentParser(
        prog="python -m tff_health.worker",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=_port, required=True, help="to listen on, 1 to 65535")
    parser.add_argument(
        "--host",
        type=_host,
        default="127.0.0.1",
        help="address to listen on; default: %(default)s",
    )
    parser.add_argument(
        "--concurrency",
        type=_count,
        help="clients computed at once; default: one for each processor",
    )
    options = parser.parse_args()
    if problem := machine.processor_problem():
        print(f"error: {problem}", file=sys.stderr)
        sys.exit(1)
    launch_service.end_on_interrupt()
    address = f"tcp:{options.host}:{options.port}"
    launch_service.listen_or_exit(address).close()  # no banner where nobody can listen
    concurrency = options.concurrency or num_processors()
    try:
        command = service_command(0, address, concurrency)
    except TffHealthError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    print(f"worker on {options.host}:{options.port}, {concurrency} clients at once", flush=True)
    os.execve(command[0], command, service_environment(1, os.environ))


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port: allowed are 1 to 65535")
    return int(text)


def _host(text: str) -> str:
    if not text:  # sockets would take it as all addresses
        raise argparse.ArgumentTypeError("no address: name one; 0.0.0.0 stands for all")
    return text


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: must be 1 or more")
    return int(text)


if __name__ == "__main__":
    main()
