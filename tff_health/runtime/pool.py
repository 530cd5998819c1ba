"""Several workers as one: clients are shared out among them, and a lost worker's go elsewhere."""

import math
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import tensorflow_federated as tff

from tff_health.errors import RunError
from tff_health.runtime.context import create_context
from tff_health.runtime.worker import LocalWorker, RemoteWorker, Worker, WorkerLostError

_WATCH_SECONDS = 5.0
_CHUNKS_PER_WORKER = 2


class WorkerPool:
    """Runs computations on workers.

    A worker that dies or stops answering is left out of the computation under way; what it had
    begun is begun anew on another one. As our computations depend on their arguments alone, the
    result is the same. The next computation tries it again.

    Args:
        workers: at least one; who opened them closes them.
    """

    def __init__(self, workers: Sequence[Worker]) -> None:
        self._members = [_Member(worker) for worker in workers]

    def __len__(self) -> int:
        return len(self._members)

    def invoke(self, computation: tff.framework.ConcreteComputation, argument: Any) -> Any:
        """Runs a whole computation on one worker.

        Args:
            computation: any TFF computation.
            argument: as `tff.framework.SyncContext.invoke` takes it.

        Raises:
            RunError: if no worker is left.
        """
        return self._on_any(lambda member: member.context.invoke(computation, argument))

    def call(self, computation: tff.framework.ConcreteComputation, *arguments: Any) -> Any:
        """Runs a whole computation on one worker; as `invoke`, with Python's own arguments."""
        return self._on_any(lambda member: member.call(computation, *arguments))

    def map_clients(
        self, work: tff.framework.ConcreteComputation, data: Sequence[Any], broadcast: Any
    ) -> list[Any]:
        """Runs the clients' work, on all workers side by side.

        Args:
            work: of type `(data@CLIENTS, broadcast@SERVER) -> {result}@CLIENTS`.
            data: for each client.
            broadcast: for all.

        Returns:
            the clients' results, in the order of `data`.

        Raises:
            RunError: if no worker is left.
        """
        if len(self._members) == 1:
            return list(self.call(work, list(data), broadcast))
        return _SharedWork(self._members, work, data, broadcast).run()

    def _on_any(self, run: Callable[["_Member"], Any]) -> Any:
        lost = []
        for member in self._members:
            try:
                return member.watched(run)
            except WorkerLostError as error:
                lost.append(str(error))
        raise RunError("; ".join(lost))


class _Member:
    """A worker, TFF's context over it, and a watch on calls under way."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.context = create_context(worker)

    def call(self, computation: tff.framework.ConcreteComputation, *arguments: Any) -> Any:
        with tff.framework.get_context_stack().install(self.context):
            return computation(*arguments)

    def watched(self, run: Callable[["_Member"], Any]) -> Any:
        """Runs a function, and gives up on the worker when it stops answering meanwhile.

        Raises:
            WorkerLostError: if it died or stopped answering.
        """
        finished = threading.Event()
        watch = threading.Thread(target=self._watch, args=(finished,), daemon=True)
        watch.start()
        try:
            return run(self)
        except grpc.RpcError as error:
            if error.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE):
                raise WorkerLostError(f"{self.worker.name} does not answer any more") from error
            raise
        finally:
            finished.set()

    def _watch(self, finished: threading.Event) -> None:
        while not finished.wait(_WATCH_SECONDS):
            if not self.worker.answers() and not finished.is_set():
                self.worker.abandon()
                return


class _SharedWork:
    """One mapping over clients, in chunks that workers take from a queue."""

    def __init__(
        self,
        members: Sequence[_Member],
        work: tff.framework.ConcreteComputation,
        data: Sequence[Any],
        broadcast: Any,
    ) -> None:
        self._work = work
        self._data = data
        self._broadcast = broadcast
        self._results: list[Any] = [None] * len(data)
        self._members = list(members)
        self._lost: list[str] = []
        self._failures: list[Exception] = []
        size = max(1, math.ceil(len(data) / (_CHUNKS_PER_WORKER * len(members))))
        self._chunks: queue.SimpleQueue[range] = queue.SimpleQueue()
        for start in range(0, len(data), size):
            self._chunks.put(range(start, min(start + size, len(data))))

    def run(self) -> list[Any]:
        while not self._chunks.empty():
            if not self._members:
                raise RunError("; ".join(self._lost))
            threads = [
                threading.Thread(target=self._serve, args=(member,), daemon=True)
                for member in self._members
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if self._failures:
                raise self._failures[0]
        return self._results

    def _serve(self, member: _Member) -> None:
        """Lets one worker take chunks until there are none, it is lost, or something failed."""
        while not self._failures:
            try:
                chunk = self._chunks.get_nowait()
            except queue.Empty:
                return
            data = [self._data[position] for position in chunk]
            try:
                results = member.watched(partial(self._map, data=data))
            except WorkerLostError as error:
                self._chunks.put(chunk)
                self._members.remove(member)
                self._lost.append(str(error))
                return
            except Exception as error:  # raised again in the caller's thread
                self._failures.append(error)
                return
            self._results[chunk.start : chunk.stop] = results

    def _map(self, member: _Member, data: list[Any]) -> Any:
        return member.call(self._work, data, self._broadcast)


@contextmanager
def open_pool(addresses: Sequence[str], log_path: Path, concurrency: int) -> Iterator[WorkerPool]:
    """Opens the workers at these addresses, or one on this machine if there are none.

    Args:
        addresses: "host:port" of executor services that run already.
        log_path: takes what a worker of ours prints.
        concurrency: how many clients a worker of ours computes at once.

    Yields:
        the pool; its workers are closed in the end.
    """
    with ExitStack() as stack:
        workers: list[Worker] = [RemoteWorker(address) for address in addresses]
        workers = workers or [LocalWorker(log_path, concurrency)]
        yield WorkerPool([stack.enter_context(worker) for worker in workers])
