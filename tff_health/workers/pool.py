"""Several workers as one: clients are shared out among them, and a lost worker's go elsewhere."""

import math
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import tensorflow_federated as tff

from tff_health.errors import RunError
from tff_health.workers.connection import WorkerLostError
from tff_health.workers.context import create_context
from tff_health.workers.worker import LocalWorker, RemoteWorker, Worker

_CHUNKS_PER_WORKER = 2


class WorkerPool:
    """Runs computations on workers.

    A worker that dies or stops answering is left out of the computation under way; what it had
    begun is begun anew on another one. As our computations depend on their arguments alone, the
    result is the same. The next mapping over clients tries it again.

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
            RunError: if it fails, or no worker is left.
        """
        return self._on_any(lambda member: member.invoke(computation, argument))

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
            RunError: if a client's work fails, or no worker is left.
        """
        if not data:  # TFF cannot bring back a value of no clients
            return []
        if len(self._members) == 1:
            return list(self.call(work, list(data), broadcast))
        size = max(1, math.ceil(len(data) / (_CHUNKS_PER_WORKER * len(self._members))))
        return _SharedWork(work, data, broadcast, size).run(self._members)

    def _on_any(self, run: Callable[["_Member"], Any]) -> Any:
        lost = []
        for member in sorted(self._members, key=lambda member: member.is_lost):
            try:
                return run(member)
            except WorkerLostError as error:
                lost.append(str(error))
        raise RunError("; ".join(lost))


class _Member:
    """A worker and TFF's context over it.

    Attributes:
        is_lost: whether it was lost when it was used last.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._context = create_context(worker)
        self._connecting = threading.Lock()
        self.is_lost = False

    def connect(self) -> None:
        """Waits until the worker can be used; those who come meanwhile do not wait with it.

        Raises:
            WorkerLostError: if it cannot be reached, or someone else waits for it already.
        """
        if not self._connecting.acquire(blocking=False):
            raise WorkerLostError(f"the TFF worker at {self._worker.name} did not answer yet")
        try:
            self._worker.stub()
            self.is_lost = False
        except WorkerLostError:
            self.is_lost = True
            raise
        finally:
            self._connecting.release()

    def invoke(self, computation: tff.framework.ConcreteComputation, argument: Any) -> Any:
        try:
            result = self._context.invoke(computation, argument)
        except WorkerLostError:
            self.is_lost = True
            raise
        self.is_lost = False
        return result

    def call(self, computation: tff.framework.ConcreteComputation, *arguments: Any) -> Any:
        with tff.framework.get_context_stack().install(_Calls(self)):
            return computation(*arguments)


class _Calls(tff.framework.SyncContext):
    """Hands what TFF's current context is asked for to a member."""

    def __init__(self, member: _Member) -> None:
        self._member = member

    def invoke(self, comp: tff.framework.ConcreteComputation, arg: Any) -> Any:
        return self._member.invoke(comp, arg)


class _SharedWork:
    """One mapping over clients, in chunks that workers take from a queue.

    A chunk of a lost worker goes back to the queue, so workers wait until all chunks are done.
    """

    def __init__(
        self,
        work: tff.framework.ConcreteComputation,
        data: Sequence[Any],
        broadcast: Any,
        chunk_size: int,
    ) -> None:
        self._work = work
        self._data = data
        self._broadcast = broadcast
        self._results: list[Any] = [None] * len(data)
        self._missing = len(data)
        self._chunks = deque(
            range(start, min(start + chunk_size, len(data)))
            for start in range(0, len(data), chunk_size)
        )
        self._serving = 0
        self._lost: list[str] = []
        self._failure: Exception | None = None
        self._changed = threading.Condition()

    def run(self, members: Sequence[_Member]) -> list[Any]:
        self._serving = len(members)
        for member in members:
            threading.Thread(target=self._serve, args=(member,), daemon=True).start()
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or not self._serving)
        if self._failure is not None:
            raise self._failure
        if self._missing:
            raise RunError("; ".join(self._lost))
        return self._results

    @property
    def _is_over(self) -> bool:
        return self._failure is not None or not self._missing

    def _serve(self, member: _Member) -> None:
        """Lets one worker take chunks until all are done, it is lost, or something failed."""
        chunk: range | None = None
        try:
            member.connect()
            while (chunk := self._take()) is not None:
                data = [self._data[position] for position in chunk]
                self._give(chunk, member.call(self._work, data, self._broadcast))
        except WorkerLostError as error:
            self._give_back(chunk, str(error))
        except Exception as error:  # raised again in the caller's thread
            self._fail(error)

    def _take(self) -> range | None:
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or self._chunks)
            return None if self._is_over else self._chunks.popleft()

    def _give(self, chunk: range, results: Sequence[Any]) -> None:
        with self._changed:
            self._results[chunk.start : chunk.stop] = results
            self._missing -= len(chunk)
            self._changed.notify_all()

    def _give_back(self, chunk: range | None, reason: str) -> None:
        with self._changed:
            if chunk:
                self._chunks.append(chunk)
            self._lost.append(reason)
            self._serving -= 1
            self._changed.notify_all()

    def _fail(self, error: Exception) -> None:
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()


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
