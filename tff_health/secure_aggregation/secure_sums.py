"""The public way in: any TFF process, with its secure sums computed by a protocol.

Example:
    with secure_sums(DoubleMasking()) as context:
        state = process.initialize()
        state = process.next(state, data).state
        print(context.last_round.survivors, context.last_round.costs.bytes_up)
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import tensorflow_federated as tff

from crypto.session.secure_sum import SecureSum
from tff_health.secure_aggregation.deep_messages import deep_messages
from tff_health.secure_aggregation.protocols import BoundProtocols, SumProtocol
from tff_health.secure_aggregation.secure_context import SecureContext
from tff_health.workers.pool import open_pool
from tff_health.workers.service import num_processors


@contextmanager
def secure_sums(
    protocol: SecureSum | SumProtocol,
    *,
    workers: Sequence[str] = (),
    log_path: Path | None = None,
) -> Iterator[SecureContext]:
    """Makes a secure context TFF's current one while it is used as a context manager.

    Inside, protobuf reads messages of any depth, so that TFF's deeper processes can be built there
    (`tff.learning.ddp_secure_aggregator`), too; after it, the process has its limit again.

    Args:
        protocol: computes the secure sums: one of `crypto` for all of them, or
            `BoundProtocols(...)` with one for each kind.
        workers: "host:port" of executor services on other machines (`python -m
            tff_health.worker`); without any, one is started here.
        log_path: what that one prints; by default a file that is removed in the end.

    Yields:
        the context; `context.plan_round(...)` says who takes part and who drops out,
        `context.last_round` what came of it.
    """
    bound = BoundProtocols.to_all(protocol) if isinstance(protocol, SecureSum) else protocol
    with ExitStack() as stack:
        stack.enter_context(deep_messages())
        if log_path is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tff_health-"))
            log_path = Path(folder) / "worker.log"
        pool = stack.enter_context(open_pool(workers, log_path, num_processors()))
        context = SecureContext(pool, bound)
        with tff.framework.get_context_stack().install(context):
            yield context
