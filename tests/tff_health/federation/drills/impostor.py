"""A site with the right keys that sends what no honest program sends.

Usage: python -m tests.tff_health.federation.drills.impostor FOLDER NAME FRAMES

Sends so many frames of garbage under the name of a site of a `Drill`, and prints as JSON how many
they were, and in how many streams. It is a program of its own, and ends without goodbye: gRPC's
poller writes a byte for every event that its event loop has to see, and the loop reads one byte at
a time; after a flood of events their pipe is full, the poller waits, and whoever closes the loop
waits for the poller for ever.
"""

import asyncio
import json
import os
import random
import sys
from pathlib import Path

import grpc

from crypto.session.apart.envelopes import Answer, RefusedRequest, Request
from tff_health.federation.carrier.channel import METHOD, channel_credentials
from tff_health.federation.carrier.frames import FrameKind, frame, pieces
from tff_health.federation.carrier.greeting import Greeting
from tff_health.federation.carrier.line import connect
from tff_health.federation.consortium.credentials import site_credentials
from tff_health.federation.consortium.registry import read_registry
from tff_health.federation.study import read_study

FRAMES_OF_A_STREAM = 20


class Impostor:
    """Args: folder of a `Drill`, and whose keys it has."""

    def __init__(self, folder, name):
        registry = read_registry(folder / "ca/registry.json")
        study = read_study(folder / "study.toml")
        self.address = study.section.server
        self.credentials = site_credentials(folder / name, registry)
        self.greeting = Greeting.of(study.digest, registry.digest)
        self.draw = random.Random(20261129)
        self.sent = self.streams = 0

    def frame(self):
        """What no honest program sends, in every form."""
        draw = self.draw
        noise = draw.randbytes(draw.choice((0, 1, 7, 8, 9, 60, 300)))
        token, step = draw.randbytes(16), draw.randrange(2**32)
        return draw.choice(
            (
                lambda: noise,
                lambda: frame(FrameKind.BEGIN, noise),
                lambda: frame(FrameKind.BEGIN, draw.randrange(2**64).to_bytes(8, "little") + noise),
                lambda: frame(FrameKind.MORE, noise),
                lambda: frame(FrameKind.GREETING, noise),
                lambda: frame(FrameKind.PING, noise),
                lambda: next(pieces(noise, 1000)),
                lambda: next(pieces(noise, 1000)),
                lambda: next(pieces(Answer(token, step, 0, noise).to_bytes(), 1000)),
                lambda: next(pieces(Request(token, step, "sum", "upload", noise).to_bytes(), 1000)),
                lambda: next(
                    pieces(
                        RefusedRequest(token, step, "KeyError", draw.randrange(9), "?").to_bytes(),
                        1000,
                    )
                ),
            )
        )()

    async def flood(self, frames):
        """Send so many frames of garbage, on as many streams as the server ends."""
        options = channel_credentials(self.credentials)
        async with grpc.aio.secure_channel(self.address, options) as channel:
            while self.sent < frames:
                call = channel.stream_stream(METHOD)()
                self.streams += 1
                try:
                    await call.write(self.greeting.now().to_frame())
                    await call.read()
                    for _ in range(FRAMES_OF_A_STREAM):
                        await call.write(self.frame())
                        self.sent += 1
                except (grpc.RpcError, asyncio.InvalidStateError):
                    pass
                finally:
                    call.cancel()

    async def answer_with_noise(self, requests):
        """Answer the server's requests with noise under the right names."""
        async with connect(self.address, self.credentials, self.greeting) as line:
            while requests:
                request = Request.from_bytes(await line.receive())
                noise = self.draw.randbytes(self.draw.choice((1, 40, 300, 5000)))
                await line.send(Answer(request.token, request.step, 0, noise).to_bytes())
                requests -= 1


async def main(folder, name, frames):
    impostor = Impostor(Path(folder), name)
    await impostor.flood(int(frames))
    print(json.dumps({"sent": impostor.sent, "streams": impostor.streams}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
