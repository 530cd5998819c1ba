"""Becomes a service that ends with its parent and that only chosen connections reach.

Usage: python launch_service.py PARENT_PID LISTENER PROGRAM [ARGUMENT ...]

TFF's executor service listens on all interfaces and asks nobody who they are. So it is started in a
network namespace of its own, where nothing reaches it, and a second process outside carries
connections to it. LISTENER says from where: "abstract:NAME" is a Unix socket without a file, open
to processes of the same user; "tcp:HOST:PORT" is what it says. "{port}" in an argument stands for
the service's port. Where the kernel allows no namespace, the service starts without one, and a line
on standard error says so.

PARENT_PID 0 stands for no parent. A program of its own, from the standard library alone: what it
asks of the kernel must be asked by a process without threads.
"""

import ctypes
import fcntl
import os
import pathlib
import signal
import socket
import struct
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1  # from <linux/prctl.h>
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000  # from <linux/sched.h>
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1  # from <linux/sockios.h>, <linux/if.h>
_PRIVATE_PORT = 10000
_BACKLOG = 128
_CHUNK = 2**20
_CONNECT_SECONDS = 60
_LIBC = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Listens, starts the forwarder, isolates this process and becomes the program."""
    parent, address, program = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    end_on_interrupt()
    listener = listen_or_exit(address)
    isolated = can_isolate()
    if isolated:
        isolate()
    else:
        print(
            "no network namespace is allowed here: the service listens on all interfaces",
            file=sys.stderr,
            flush=True,
        )
    port = _PRIVATE_PORT if isolated else free_port()
    service = os.getpid()
    if os.fork() == 0:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        end_with(service)
        forward(listener, port)
    listener.close()
    if parent:
        end_with(parent)
    os.execv(program[0], [argument.replace("{port}", str(port)) for argument in program])


def end_on_interrupt() -> None:
    """Lets Ctrl-C end this process without a traceback, unless it is ignored here."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def end_with(parent: int) -> None:
    """Asks the kernel for SIGKILL when the parent ends."""
    check(_LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it was gone before we asked
        os._exit(1)


def listen(address: str) -> socket.socket:
    """Opens the socket that `address` describes."""
    kind, rest = address.split(":", 1)
    if kind == "abstract":
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"\0{rest}")
    else:
        host, port = rest.rsplit(":", 1)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, int(port)))
    listener.listen(_BACKLOG)
    return listener


def listen_or_exit(address: str) -> socket.socket:
    """Opens the socket that `address` describes; if it cannot be, says so and ends."""
    try:
        return listen(address)
    except (OSError, UnicodeError) as error:  # the latter from impossible names of hosts
        reason = getattr(error, "strerror", None) or error
        sys.exit(f"error: cannot listen on {address.split(':', 1)[1]}: {reason}")


def can_isolate() -> bool:
    """Tries it in a child, as half an isolation cannot be undone."""
    child = os.fork()
    if child == 0:
        try:
            isolate()
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def isolate() -> None:
    """Moves this process to a network of its own, in which only the loopback device is up."""
    user, group = os.getuid(), os.getgid()
    if _LIBC.unshare(_CLONE_NEWNET) != 0:  # not privileged: a user namespace makes us so, inside
        check(_LIBC.unshare(_CLONE_NEWUSER | _CLONE_NEWNET), "unshare")
        # Inside, all other users of the system bear one number, which must not be ours as well.
        inside = user if user != overflow_user() else 0
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{inside} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            pathlib.Path(f"/proc/self/{name}").write_text(text, encoding="utf-8")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(device, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(device, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))


def overflow_user() -> int:
    """Returns the number that stands for all users without one in a user namespace."""
    return int(pathlib.Path("/proc/sys/kernel/overflowuid").read_text(encoding="utf-8"))


def free_port() -> int:
    """Returns a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def forward(listener: socket.socket, port: int) -> None:
    """Carries every connection of the listener to the service; does not return."""
    while True:
        outside, _ = listener.accept()
        if outside.family != socket.AF_UNIX or same_user(outside):
            threading.Thread(target=carry, args=(outside, port), daemon=True).start()
        else:
            outside.close()


def same_user(connection: socket.socket) -> bool:
    """Tells whether a process of ours is at the other end of a Unix socket."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return struct.unpack("3i", credentials)[1] == os.getuid()


def carry(outside: socket.socket, port: int) -> None:
    """Connects to the service, which may still be starting, and carries bytes both ways."""
    deadline = time.monotonic() + _CONNECT_SECONDS
    while True:
        try:
            inside = socket.create_connection(("127.0.0.1", port))
            break
        except OSError:
            if time.monotonic() > deadline:
                outside.close()
                return
            time.sleep(0.01)
    for end in (outside, inside):
        if end.family != socket.AF_UNIX:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=pump, args=(outside, inside), daemon=True).start()
    pump(inside, outside)


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Carries bytes until the source ends, then tells the sink."""
    buffer = memoryview(bytearray(_CHUNK))
    try:
        while count := source.recv_into(buffer):
            sink.sendall(buffer[:count])
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, sink):
            end.close()


def check(status: int, what: str) -> None:
    """Raises the error of a C function that returned something else than 0."""
    if status != 0:
        raise OSError(ctypes.get_errno(), f"{what} failed")


if __name__ == "__main__":
    main()
