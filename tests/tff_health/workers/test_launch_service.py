"""Who reaches a service, and what ends with it."""

import errno
import os
import secrets
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import psutil
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_health.workers.processes import (
    accepts,
    forwarder_of,
    free_port,
    is_running,
    is_service,
    start,
    until,
)
from tff_health.workers import launch_service
from tff_health.workers.context import create_context
from tff_health.workers.worker import LocalWorker

ECHO = textwrap.dedent("""
    import socket, sys, threading
    server = socket.create_server(("", int(sys.argv[1])))
    def serve(connection):
        while data := connection.recv(65536):
            connection.sendall(data)
        connection.close()
    while True:
        threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
""")

WITHOUT_NAMESPACES = textwrap.dedent("""
    import sys
    sys.path.insert(0, sys.argv.pop(1))
    import launch_service
    def refuse():
        raise PermissionError("no namespaces")
    launch_service.isolate = refuse
    launch_service.main()
""")


@pytest.fixture
def launch(tmp_path):
    """Starts an echo service behind a listener, and ends it."""
    launched = []

    def start_echo(listener, wrapper=()):
        program = wrapper or [launch_service.__file__]
        command = [sys.executable, *program, str(os.getpid()), listener]
        command += [sys.executable, "-c", ECHO, "{port}"]
        with (tmp_path / "log").open("wb") as log:
            process = start(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        launched.append(process)
        return process

    yield start_echo
    for process in launched:
        process.kill()
        process.wait()


@pytest.fixture
def name():
    return f"test-{secrets.token_hex(8)}"


def call(family, address, text=b"hello"):
    """What the echo service answers."""
    with socket.socket(family) as client:
        client.settimeout(10)
        client.connect(address)
        client.sendall(text)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


def call_when_ready(family, address):
    def answered():
        try:
            return call(family, address) == b"hello"
        except OSError:
            return False

    return until(answered)


def listening(pids):
    """(address, port) of the host's listening sockets that belong to these processes."""
    found = psutil.net_connections("inet")
    return {(c.laddr.ip, c.laddr.port) for c in found if c.pid in pids and c.status == "LISTEN"}


def test_behind_an_abstract_socket_nothing_listens_on_the_network(launch, name):
    before = {c.laddr for c in psutil.net_connections("inet") if c.status == "LISTEN"}
    service = launch(f"abstract:{name}")
    assert call_when_ready(socket.AF_UNIX, f"\0{name}")
    assert listening({service.pid, forwarder_of(service.pid)}) == set()
    assert not accepts(10000) or 10000 in {address.port for address in before}


def test_behind_a_port_only_that_port_listens(launch):
    port = free_port()
    service = launch(f"tcp:127.0.0.1:{port}")
    assert call_when_ready(socket.AF_INET, ("127.0.0.1", port))
    pids = {service.pid, forwarder_of(service.pid)}
    assert listening(pids) == {("127.0.0.1", port)}
    for other in set(psutil.net_if_addrs()) - {"lo"}:
        for address in psutil.net_if_addrs()[other]:
            if address.family is socket.AF_INET:
                with socket.socket() as client:
                    assert client.connect_ex((address.address, port)) != 0


def test_ipv6_works(launch):
    if not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    port = free_port()
    launch(f"tcp:::1:{port}")
    assert call_when_ready(socket.AF_INET6, ("::1", port))


def test_many_connections_at_once_are_kept_apart(launch, name):
    launch(f"abstract:{name}")
    assert call_when_ready(socket.AF_UNIX, f"\0{name}")
    clients = [socket.socket(socket.AF_UNIX) for _ in range(20)]
    for number, client in enumerate(clients):
        client.settimeout(10)
        client.connect(f"\0{name}")
        client.sendall(bytes([number]) * 10)
    for number, client in reversed(list(enumerate(clients))):
        assert client.recv(10, socket.MSG_WAITALL) == bytes([number]) * 10
        client.close()


def test_the_forwarder_keeps_no_socket_of_a_connection_that_ended(launch, name):
    service = launch(f"abstract:{name}")
    assert call_when_ready(socket.AF_UNIX, f"\0{name}")
    forwarder = psutil.Process(forwarder_of(service.pid))
    assert until(lambda: forwarder.num_threads() == 1)
    before = forwarder.num_fds()
    for _ in range(10):
        assert call(socket.AF_UNIX, f"\0{name}") == b"hello"
    assert until(lambda: (forwarder.num_fds(), forwarder.num_threads()) == (before, 1))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")
def test_another_user_is_refused(launch, name):
    launch(f"abstract:{name}")
    assert call_when_ready(socket.AF_UNIX, f"\0{name}")
    code = (
        "import os, socket, sys\n"
        "os.setgid(12345); os.setuid(12345)\n"
        "client = socket.socket(socket.AF_UNIX)\n"
        f"client.connect('\\0{name}')\n"
        "client.settimeout(10)\n"
        "try:\n"
        "    client.sendall(b'hello')\n"
        "    print(client.recv(5))\n"
        "except OSError:\n"
        "    print('refused')\n"
    )
    command = [sys.executable, "-I", "-S", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout in ("b''\n", "refused\n")
    assert call(socket.AF_UNIX, f"\0{name}") == b"hello"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")
@pytest.mark.parametrize("user", [12345, launch_service.overflow_user()])
def test_a_user_without_privileges_is_served_and_others_are_not(name, user, tmp_path):
    log = (tmp_path / "log").open("wb")
    code = (
        f"import os, sys; os.setgid({user}); os.setuid({user}); os.execv(sys.argv[1], sys.argv[1:])"
    )
    # A copy of the launcher, as users without privileges may not read the original's folder.
    source = Path(launch_service.__file__).read_text()
    command = [sys.executable, "-I", "-S", "-c", code, sys.executable, "-I", "-S", "-c", source]
    command += ["0", f"abstract:{name}", sys.executable, "-I", "-S", "-c", ECHO, "{port}"]
    service = start(command, stdout=log, stderr=log)
    try:
        caller = (
            "import os, socket, sys\n"
            "os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))\n"
            "client = socket.socket(socket.AF_UNIX)\n"
            "client.settimeout(10)\n"
            f"client.connect('\\0{name}')\n"
            "try:\n"
            "    client.sendall(b'hello')\n"
            "    print(client.recv(5).decode())\n"
            "except OSError:\n"
            "    print()\n"
        )

        def answer(caller_user):
            command = [sys.executable, "-I", "-S", "-c", caller, str(caller_user)]
            return subprocess.run(command, capture_output=True, text=True, check=False).stdout

        if not until(lambda: answer(user) == "hello\n"):
            pytest.skip((tmp_path / "log").read_text())
        assert answer(0) == "\n"
        assert answer(23456) == "\n"
    finally:
        service.kill()
        service.wait()
        log.close()


def test_without_namespaces_it_works_and_says_so(launch, name, tmp_path):
    folder = str(Path(launch_service.__file__).parent)
    launch(f"abstract:{name}", ["-c", WITHOUT_NAMESPACES, folder])
    assert call_when_ready(socket.AF_UNIX, f"\0{name}")
    assert "no network namespace is allowed here" in (tmp_path / "log").read_text()


def test_with_namespaces_the_log_says_nothing(launch, name, tmp_path):
    launch(f"abstract:{name}")
    assert call_when_ready(socket.AF_UNIX, f"\0{name}")
    assert (tmp_path / "log").read_text() == ""


PARENT = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from tff_health.quiet import silence_libraries
    silence_libraries()
    from tff_health.workers.worker import LocalWorker
    worker = LocalWorker(Path(sys.argv[1]), 1)
    worker.stub()
    print(worker.pid, flush=True)
    time.sleep(60)
""")


def test_ctrl_c_of_a_program_ends_its_worker_and_the_forwarder(tmp_path):
    parent = start(
        [sys.executable, "-c", PARENT, str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    service = int(parent.stdout.readline())
    assert is_service(service)
    forwarder = forwarder_of(service)
    parent.send_signal(signal.SIGINT)
    parent.wait(20)
    parent.stdout.close()
    assert until(lambda: not is_running(service) and not is_running(forwarder))


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_services_death_ends_the_forwarder_and_its_socket(launch, name, signum):
    service = launch(f"abstract:{name}")
    assert call_when_ready(socket.AF_UNIX, f"\0{name}")
    forwarder = forwarder_of(service.pid)
    service.send_signal(signum)
    service.wait(10)
    assert until(lambda: not is_running(forwarder))

    def is_refused():  # the kernel takes a moment longer on a busy machine
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(f"\0{name}") == errno.ECONNREFUSED

    assert until(is_refused)


def test_closing_a_worker_leaves_neither_process_nor_socket(tmp_path):
    def sockets():
        table = Path("/proc/net/unix").read_text().splitlines()
        return {line.split()[-1] for line in table if f"@tff_health-{os.getpid()}-" in line}

    before = sockets()
    with LocalWorker(tmp_path / "log", 1) as worker:
        worker.stub()
        service, forwarder = worker.pid, forwarder_of(worker.pid)
        assert len(sockets() - before) == 1
    assert not is_running(service)
    assert until(lambda: not is_running(forwarder))
    assert until(lambda: sockets() <= before)


def test_large_messages_pass_both_ways(tff_context):
    array = np.random.default_rng(0).integers(0, 2**63, 50 * 2**20 // 8, np.int64)

    @tff.tensorflow.computation(tff.TensorType(np.int64, array.shape))
    def invert(values):
        return tf.bitwise.invert(values)

    with tff.framework.get_context_stack().install(create_context(tff_context)):
        np.testing.assert_array_equal(invert(array), ~array)
