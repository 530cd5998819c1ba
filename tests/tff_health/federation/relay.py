"""A relay between sites and server that keeps all that goes through it."""

import asyncio
import contextlib
import threading


class Relay:
    """Stands between a site and the server, and keeps all that goes through."""

    def __init__(self, port):
        self.port = port
        self.captured = bytearray()

    @contextlib.asynccontextmanager
    async def listening(self):
        server = await asyncio.start_server(self.pass_on, "localhost", 0)
        async with server:
            yield f"localhost:{server.sockets[0].getsockname()[1]}"

    async def pass_on(self, reader, writer):
        try:
            there = await asyncio.open_connection("localhost", self.port)
        except OSError:  # the server is not there yet
            writer.close()
            return
        with contextlib.suppress(OSError):
            await asyncio.gather(self.copy(reader, there[1]), self.copy(there[0], writer))

    async def copy(self, reader, writer):
        while data := await reader.read(65_536):
            self.captured += data
            writer.write(data)
            await writer.drain()
        writer.close()


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
