"""How deep protobuf's messages may nest, which is a setting of the whole process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from google.protobuf.internal import api_implementation


class _Switch:
    """Protobuf's own, which can be set and not be read, so that its users are counted here."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0

    def count(self, change: int) -> None:
        with self._lock:
            self._users += change
            api_implementation._c_module.SetAllowOversizeProtos(self._users > 0)


_switch = _Switch()


@contextmanager
def deep_messages() -> Iterator[None]:
    """Lets protobuf read messages of any depth, in all threads, until the last user leaves.

    TFF's larger aggregators, its distributed differential privacy among them, nest messages deeper
    than the 100 levels that protobuf reads by default: to build them takes this, and to run them
    does not. Outside, the limit guards a process against messages from others.
    """
    _switch.count(1)
    try:
        yield
    finally:
        _switch.count(-1)
