"""A whole study, captured between sites and server: no plain text, and no key anywhere."""

import asyncio
import contextlib
import threading

import pytest

from tests.tff_health.federation.deployment import Deployment, free_port
from tests.tff_health.federation.test_secrecy import Relay
from tff_health.federation.consortium import keys
from tff_health.local.model_weights import ModelWeights

pytestmark = [pytest.mark.slow, pytest.mark.drill]
SETTINGS = {"dataset": "digits", "model": "mnist_cnn", "rounds": 2, "scheme": "bonawitz", "seed": 5}


@contextlib.contextmanager
def relayed(port, to):
    """A relay from one port to another, in a thread; yields what it has captured."""
    relay, loop, ready = Relay(to), asyncio.new_event_loop(), threading.Event()

    async def work():
        server = await asyncio.start_server(relay.pass_on, "localhost", port)
        ready.set()
        async with server:
            await server.serve_forever()

    def run():
        asyncio.set_event_loop(loop)
        task = loop.create_task(work())
        relay.stop = lambda: loop.call_soon_threadsafe(task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        for one in asyncio.all_tasks(loop):
            one.cancel()
        loop.run_until_complete(asyncio.sleep(0.1))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait(10)
    try:
        yield relay.captured
    finally:
        relay.stop()
        thread.join(10)


def secrets_of(deployed):
    """What nobody else may see: keys, in the forms in which they could appear."""
    for name in deployed.names:
        folder = deployed.folder / name
        identity = keys.read_identity(folder / keys.IDENTITY_KEY).secret[:32]
        storage = keys.read_storage_key(folder / keys.STORAGE_KEY)
        for secret in (identity, storage):
            yield secret
            yield secret.hex().encode()
        yield (folder / keys.TLS_KEY).read_bytes().splitlines()[1]


def test_a_captured_study_and_what_it_leaves_hold_no_secret(tmp_path):
    with Deployment(tmp_path, SETTINGS) as deployed:
        behind = free_port()
        with relayed(deployed.port, behind) as captured:
            deployed.start_server(f"--listen=localhost:{behind}")
            for name in deployed.names:
                deployed.start(name)
            assert deployed.wait("server") == 0, deployed.logs()
        secrets = list(secrets_of(deployed))
        weights = ModelWeights.from_bytes((deployed.results / "model.weights").read_bytes())
        shown = [array.tobytes() for array in weights.trainable if array.size > 100]
    size = sum(map(len, shown))
    assert len(captured) > 2 * 3 * size  # a model down and a masked update up, of each site
    plain = [array[start : start + 16] for array in shown for start in range(0, 4000, 400)]
    plain += [b"tff_health", b"bonawitz", b"hospital", b"round"]
    for mark in (*secrets, *(mark for mark in plain if any(mark))):
        assert bytes(mark) not in captured
    files = [
        path
        for path in tmp_path.rglob("*")
        if path.is_file() and path.suffix != ".key" and "scratch" not in path.parts
    ]
    assert any(path.name == "server.log" for path in files)
    for path in files:
        content = path.read_bytes()
        assert not [mark for mark in secrets if mark in content], path
    assert not [path for path in files if path.name.startswith("core")]
