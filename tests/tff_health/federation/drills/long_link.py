"""A link between two network namespaces, whose packets come late, are lost, or do not come at all.

The kernel's own emulator (netem) is not in every kernel, so the link is a pair of TUN devices, and
what passes between them passes through a thread here.
"""

import contextlib
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import threading
import time
import uuid

import pytest

_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
NEAR, FAR = "10.213.77.1", "10.213.77.2"


class LongLink:
    """A link; use it as a context.

    Args:
        delay: seconds that each packet takes.
        loss: share of packets that are lost, each way.
        seed: of which they are.

    Attributes:
        near: namespace at one end, with the address `NEAR`.
        far: at the other, with the address `FAR`.
        is_cut: while it is, nothing passes.
        passed: packets that did.
        lost: packets that were to be lost.
    """

    def __init__(self, delay=0.0, loss=0.0, seed=7):
        self.delay, self.loss, self.is_cut = delay, loss, False
        name = uuid.uuid4().hex[:6]
        self.near, self.far = f"drill{name}n", f"drill{name}f"
        self._draw = random.Random(seed)
        self.passed = self.lost = 0
        self._ends, self._stop = [], threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.callback(self._remove)
            for space, address in ((self.near, NEAR), (self.far, FAR)):
                _command("ip", "netns", "add", space)
                self._ends.append(_device(space, address))
            stack.pop_all()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(10)
        self._remove()

    def _remove(self):
        for end in self._ends:
            os.close(end)
        for space in (self.near, self.far):
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)

    def _carry(self):
        waiting, count = [], 0
        near, far = self._ends
        while not self._stop.is_set():
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                _, _, end, packet = heapq.heappop(waiting)
                with contextlib.suppress(OSError):
                    os.write(end, packet)
                self.passed += 1
            until = min(waiting[0][0] - now, 0.1) if waiting else 0.1
            for end in select.select(self._ends, [], [], until)[0]:
                packet = os.read(end, 65_536)
                if self.is_cut:
                    continue
                if self._draw.random() < self.loss:
                    self.lost += 1
                    continue
                count += 1
                other = far if end == near else near
                heapq.heappush(waiting, (time.monotonic() + self.delay, count, other, packet))


def _device(space, address):
    """Make a TUN device in a namespace; return the descriptor by which its packets are read."""
    end = os.open("/dev/net/tun", os.O_RDWR)
    name = f"t{uuid.uuid4().hex[:10]}"
    try:
        fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
        _command("ip", "link", "set", name, "netns", space)
        _command("ip", "-n", space, "addr", "add", f"{address}/24", "dev", name)
        _command("ip", "-n", space, "link", "set", name, "up")
        _command("ip", "-n", space, "link", "set", "lo", "up")
    except BaseException:
        os.close(end)
        raise
    return end


def _command(*words):
    subprocess.run(words, check=True, capture_output=True, text=True)


@contextlib.contextmanager
def long_link(**options):
    """A `LongLink`, or a skipped test where none can be made."""
    link = LongLink(**options)
    try:
        link.__enter__()
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", "") or error
        pytest.skip(f"network namespaces, or TUN devices in them, cannot be made here: {reason}")
    try:
        yield link
    finally:
        link.__exit__()
