"""TFF execution contexts over workers of our own."""

import tensorflow_federated as tff

from tff_health.runtime.worker import Worker, num_processors


def concurrency_for(num_clients: int) -> int:
    """How many clients a local worker computes at once: one for each processor, if there are."""
    return min(num_processors(), num_clients)


def create_context(worker: Worker) -> tff.framework.SyncExecutionContext:
    """Returns a context that runs computations on `worker`.

    A computation that was cut off because the worker died is run again on a new one; as our
    computations depend on their arguments alone, the result is the same.
    """

    def executor(
        cardinalities: tff.framework.CardinalitiesType,
    ) -> tff.framework.RemoteExecutor:
        remote = tff.framework.RemoteExecutor(worker.stub())
        remote.set_cardinalities({tff.CLIENTS: 0, **cardinalities})
        return remote

    return tff.framework.SyncExecutionContext(
        executor_fn=tff.framework.ResourceManagingExecutorFactory(executor_stack_fn=executor),
        compiler_fn=tff.backends.native.desugar_and_transform_to_native,
        transform_args=tff.tensorflow.transform_args,
        transform_result=tff.tensorflow.transform_result,
    )
