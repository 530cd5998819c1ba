"""A site's process: connects, says "here", sends back what it is sent. Args: folder, name, address.

With a fourth argument the server's process: tells its port, and sends back what it is sent.
"""

import asyncio
import sys
from pathlib import Path

from tests.tff_health.federation.parties import Consortium


async def site(folder, name, address):
    async with Consortium(Path(folder)).line(address, name) as line:
        await line.send(b"here")
        while True:
            await line.send(await line.receive())


async def server(folder):
    async with Consortium(Path(folder)).hub() as (hub, address):
        print(address, flush=True)
        while True:
            arrival = await hub.receive()
            if arrival.data is not None:
                await hub.send(arrival.party, arrival.data)


if __name__ == "__main__":
    asyncio.run(server(*sys.argv[1:]) if len(sys.argv) == 2 else site(*sys.argv[1:]))
