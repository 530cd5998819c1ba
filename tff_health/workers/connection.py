"""A connection to an executor service: TFF's calls over it, and errors that say what happened.

TFF retries for ever what gRPC calls unavailable, and prints what goes wrong when it tells a service
that is gone to forget a value. Here a lost service is a `WorkerLostError`, a failed computation is
a `ComputationError`, and what nobody can hear is not said.
"""

import contextlib
import functools
import re
import threading
from collections.abc import Callable
from typing import Any

import grpc
import tensorflow_federated as tff

from tff_health.errors import RunError

PROBE_SECONDS = 15.0
"""A service that does not answer within this time is lost."""

_MAX_MESSAGE_BYTES = 2_000_000_000
_CHANNEL_OPTIONS = [
    ("grpc.max_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.use_local_subchannel_pool", 1),  # a new channel does not wait for an old one's retry
    # gRPC would ask the proxy that the environment names for "unix-abstract:" addresses too, and
    # proxies of hospitals lead to the internet, not to workers.
    ("grpc.enable_http_proxy", 0),
]
_FORGOTTEN = "No executor found"  # said by a service that was started anew
_LONGEST_DETAILS = 500


class WorkerLostError(RunError):
    """A worker does not answer any more, or could not be reached."""


class ComputationError(RunError):
    """A computation failed by itself; it would fail on another worker too."""


class Connection:
    """A gRPC channel to an executor service, and TFF's stub over it.

    It never goes through an HTTP proxy, whatever the environment says.

    Args:
        target: address as gRPC writes it.
        name: of the worker, for messages; by default the target.

    Attributes:
        stub: what TFF's `RemoteExecutor` takes.
    """

    def __init__(self, target: str, name: str = "") -> None:
        self._name = name or target
        self._state: grpc.ChannelConnectivity | None = None
        self._closed = False
        _keep_grpc_up()
        _silence_pollers()
        self._channel = grpc.insecure_channel(target, _CHANNEL_OPTIONS)
        self._channel.subscribe(self._note, try_to_connect=True)
        self._ping = self._channel.unary_unary(
            "/tff_health.Probe/Ping", request_serializer=bytes, response_deserializer=bytes
        )
        self.stub: tff.framework.RemoteExecutorStub = _Stub(self._channel, self._ask)

    @property
    def is_ready(self) -> bool:
        """Whether the service was reached and has not left since."""
        return self._state is grpc.ChannelConnectivity.READY

    @property
    def is_refused(self) -> bool:
        """Whether the last try to reach the service failed."""
        return self._state is grpc.ChannelConnectivity.TRANSIENT_FAILURE

    def answers(self, seconds: float | None = None) -> bool:
        """Tells whether the service answers at all: no such method is an answer too."""
        try:
            self._ping(b"", timeout=PROBE_SECONDS if seconds is None else seconds)
        except ValueError:  # the channel is closed
            return False
        except grpc.RpcError as error:
            return bool(error.code() == grpc.StatusCode.UNIMPLEMENTED)
        return True

    def close(self) -> None:
        """Ends the connection; calls under way fail."""
        self._closed = True
        self._channel.close()

    def _note(self, state: grpc.ChannelConnectivity) -> None:
        self._state = state

    def _ask(self, call: Callable[[Any], Any], request: Any) -> Any:
        """Makes one of TFF's calls.

        Raises:
            WorkerLostError: if there is no answer.
            ComputationError: if the answer is an error.
        """
        try:
            return call(request)
        except grpc.RpcError as error:
            if self._is_lost(error):
                raise WorkerLostError(f"{self._name} does not answer any more") from error
            raise ComputationError(readable(error.details() or str(error.code()))) from error
        except ValueError as error:
            if not self._closed:
                raise
            raise WorkerLostError(f"the connection to {self._name} is closed") from error

    def _is_lost(self, error: grpc.RpcError) -> bool:
        return (
            self._closed
            or error.code() is grpc.StatusCode.UNAVAILABLE
            or _FORGOTTEN in (error.details() or "")
            or not self.answers()
        )


@functools.cache
def _keep_grpc_up() -> grpc.Channel:
    """Returns a channel to nowhere that stays open as long as this process.

    gRPC takes its poller down with the last channel, and does not wait for threads that are still
    in a call: grpcio 1.74 was seen to end a process so, by "Check failed: !inspect->seen_inactive",
    when a run closed its worker. A channel that is never called opens no connection and no thread.
    """
    return grpc.insecure_channel("unix-abstract:nobody", _CHANNEL_OPTIONS)


@functools.cache
def _silence_pollers() -> None:
    """Keeps gRPC's threads from printing that the channel that they watch was closed.

    grpcio 1.74 asks for a channel's state in a thread of its own, which ends in a traceback if the
    channel is closed between two of its questions, as when a worker has died.
    """
    others = threading.excepthook

    def hook(found: threading.ExceptHookArgs) -> None:
        is_told = found.exc_type is ValueError and "Channel closed" in str(found.exc_value)
        if not is_told:
            others(found)

    threading.excepthook = hook


class _Stub(tff.framework.RemoteExecutorGrpcStub):
    """TFF's stub, every call of which goes through `ask`."""

    def __init__(
        self, channel: grpc.Channel, ask: Callable[[Callable[[Any], Any], Any], Any]
    ) -> None:
        super().__init__(channel)
        self._ask = ask

    def get_executor(self, request: Any) -> Any:
        return self._ask(super().get_executor, request)

    def create_value(self, request: Any) -> Any:
        return self._ask(super().create_value, request)

    def create_struct(self, request: Any) -> Any:
        return self._ask(super().create_struct, request)

    def create_call(self, request: Any) -> Any:
        return self._ask(super().create_call, request)

    def create_selection(self, request: Any) -> Any:
        return self._ask(super().create_selection, request)

    def compute(self, request: Any) -> Any:
        return self._ask(super().compute, request)

    # A service that is gone has nothing left to dispose of, and these two are called by finalizers.

    def dispose(self, request: Any) -> Any:
        with contextlib.suppress(RunError):
            self._ask(super().dispose, request)

    def dispose_executor(self, request: Any) -> Any:
        with contextlib.suppress(RunError):
            self._ask(super().dispose_executor, request)


def readable(details: str) -> str:
    """Returns what an executor service says about an error, as one line without its internals."""
    text = details.strip("'").replace("\\n", "\n").replace("\\t", "\t")
    text = text.removeprefix("Failed to run computation: ")
    text = re.split(r"\n\s*\[\[\{\{node|\s+while evaluating local \[", text)[0]
    line = " ".join(text.split())
    if len(line) > _LONGEST_DETAILS:
        line = f"{line[:_LONGEST_DETAILS]}..."
    return f"a computation failed: {line}"
