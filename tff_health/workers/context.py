"""TFF execution contexts over workers of our own."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import tensorflow_federated as tff

from tff_health.workers.connection import WorkerLostError
from tff_health.workers.handover import Handover
from tff_health.workers.kernels import fix_kernels
from tff_health.workers.service import num_processors
from tff_health.workers.worker import Worker

_ATTEMPTS = 4
_WATCH_SECONDS = 5.0
_MAX_EXECUTORS = 16

_Key: TypeAlias = tuple[tuple[str, int], ...]


def concurrency_for(num_clients: int) -> int:
    """How many clients a local worker computes at once: one for each processor, if there are."""
    return min(num_processors(), num_clients)


def create_context(worker: Worker) -> "WorkerContext":
    """Returns a context that runs computations on `worker`."""
    return WorkerContext(worker)


class WorkerContext(tff.framework.SyncContext):
    """Runs computations on one worker, and notices when it dies or stops answering.

    Large tensors go to a worker that shares a disk with us, and come back, as files.

    A computation that was cut off because a worker of ours died is run again on its successor; as
    our computations depend on their arguments alone, the result is the same.

    Args:
        worker: who opened it closes it.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._handover = None if worker.files is None else Handover(worker.files)
        self._attempts = _ATTEMPTS if worker.restarts else 1
        self._context = tff.framework.SyncExecutionContext(
            executor_fn=_Executors(worker),
            compiler_fn=_compile,
            transform_args=tff.tensorflow.transform_args,
            transform_result=tff.tensorflow.transform_result,
        )

    def invoke(self, comp: tff.framework.ConcreteComputation, arg: Any) -> Any:
        """Runs a computation; TFF calls this.

        Raises:
            WorkerLostError: if the worker died or stopped answering.
            ComputationError: if the computation failed.
        """
        if self._handover is None:
            return self._run(comp, arg)
        return self._handover.invoke(comp, arg, self._run)

    def _run(self, comp: tff.framework.ConcreteComputation, arg: Any) -> Any:
        for attempt in range(self._attempts):
            try:
                with self._watched():
                    return self._context.invoke(comp, arg)
            except WorkerLostError:
                self._worker.abandon()  # a process that was killed may seem alive for a moment
                if attempt == self._attempts - 1:
                    raise
        raise AssertionError("unreachable")

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Gives up on the worker when it stops answering meanwhile."""
        finished = threading.Event()
        threading.Thread(target=self._watch, args=(finished,), daemon=True).start()
        try:
            yield
        finally:
            finished.set()

    def _watch(self, finished: threading.Event) -> None:
        while not finished.wait(_WATCH_SECONDS):
            if not self._worker.answers() and not finished.is_set():
                self._worker.abandon()


def _compile(comp: tff.framework.ConcreteComputation) -> tff.framework.ConcreteComputation:
    return fix_kernels(tff.backends.native.desugar_and_transform_to_native(comp))


class _Executors(tff.framework.ExecutorFactory):
    """Executors on one worker, one for each number of clients; those of a lost service are dropped.

    TFF's own factory keeps executors of a service that is gone, and forgets others unclosed.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._stub: tff.framework.RemoteExecutorStub | None = None
        self._executors: OrderedDict[_Key, tff.framework.RemoteExecutor] = OrderedDict()

    def create_executor(
        self, cardinalities: tff.framework.CardinalitiesType
    ) -> tff.framework.RemoteExecutor:
        stub, key = self._worker.stub(), _key(cardinalities)
        if stub is not self._stub:
            self._stub = stub
            self._executors.clear()
        if key not in self._executors:
            executor = tff.framework.RemoteExecutor(stub)
            executor.set_cardinalities({tff.CLIENTS: 0, **cardinalities})
            self._executors[key] = executor
        self._executors.move_to_end(key)
        if len(self._executors) > _MAX_EXECUTORS:
            self._executors.popitem(last=False)[1].close()
        return self._executors[key]

    def clean_up_executor(self, cardinalities: tff.framework.CardinalitiesType) -> None:
        executor = self._executors.pop(_key(cardinalities), None)
        if executor is not None:
            executor.close()


def _key(cardinalities: tff.framework.CardinalitiesType) -> _Key:
    return tuple(sorted((str(placement), number) for placement, number in cardinalities.items()))
