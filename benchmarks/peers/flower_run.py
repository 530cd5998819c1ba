"""Flower's SecAgg+: its own workflow and its own client mod, over a grid in memory.

Usage: python flower_run.py CLIENTS COORDINATES     by Flower's Python; prints JSON
"""

import json
import logging
import sys
import time
from importlib.metadata import version

import numpy as np
from flwr.app import ConfigRecord, Context, Error, Message, RecordDict
from flwr.client import NumPyClient
from flwr.client.mod import secaggplus_mod
from flwr.clientapp import ClientApp
from flwr.common import ndarrays_to_parameters, parameters_to_ndarrays
from flwr.common.constant import ErrorCode
from flwr.common.serde import message_from_proto, message_to_proto
from flwr.compat.common import recorddict_compat
from flwr.server import LegacyContext, SimpleClientManager
from flwr.server.compat.grid_client_proxy import GridClientProxy
from flwr.server.strategy import FedAvg
from flwr.server.workflow import SecAggPlusWorkflow
from flwr.supercore.task_identity import TaskIdentity

STAGES = ("setup", "share keys", "collect masked vectors", "unmask")
RUN, SERVER = 1, 99

TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, RUN, SERVER  # as a task has
logging.getLogger("flwr").setLevel(logging.CRITICAL)


class Holder(NumPyClient):
    def __init__(self, values, examples):
        self.values, self.examples = values, examples

    def fit(self, parameters, config):  # noqa: ARG002 - Flower's names
        return [self.values], self.examples, {}


def holding(values, examples):
    def client_fn(context: Context):  # noqa: ARG001 - Flower's name
        return Holder(values, examples).to_client()

    return client_fn


class MemoryGrid:
    """Delivers messages to client apps of this process; `gone` leaves before a stage."""

    def __init__(self, apps, gone):
        self.apps, self.gone = apps, gone
        self.seconds, self.bytes_up, self.stage = [], [], 0

    def send_and_receive(self, messages, timeout=None):  # noqa: ARG002 - Flower's name
        self.stage += 1
        lost = {node for node, stage in self.gone.items() if STAGES.index(stage) < self.stage}
        replies, sizes, start = [], [], time.perf_counter()
        for message in messages:
            node = message.metadata.dst_node_id
            if node not in lost:
                app, context = self.apps[node]
                received = message_from_proto(message_to_proto(message))
                try:
                    reply = app(received, context)
                except Exception as error:  # a node replies so for its app
                    reply = Message(
                        Error(ErrorCode.CLIENT_APP_RAISED_EXCEPTION, repr(error)), reply_to=received
                    )
                sizes.append(message_to_proto(reply).ByteSize())
                replies.append(reply)
        self.seconds.append(time.perf_counter() - start)
        self.bytes_up.append(max(sizes, default=0))
        return replies


def mean(values, examples, gone=None, **options):
    """Runs one round; returns the aggregate, or None if the workflow gave up, and the grid."""
    apps = {}
    for number, (vector, count) in enumerate(zip(values, examples, strict=True), start=1):
        app = ClientApp(client_fn=holding(vector, count), mods=[secaggplus_mod])
        apps[number] = app, Context(RUN, number, {}, RecordDict(), {})
    grid = MemoryGrid(apps, gone or {})
    manager = SimpleClientManager()
    for node in apps:
        manager.register(GridClientProxy(node, grid, RUN))
    strategy = FedAvg(fraction_fit=1.0, min_fit_clients=len(apps), min_available_clients=len(apps))
    context = LegacyContext(
        Context(RUN, SERVER, {}, RecordDict(), {}), strategy=strategy, client_manager=manager
    )
    start = ndarrays_to_parameters([np.zeros_like(values[0])])
    context.state.array_records["parameters"] = recorddict_compat.parameters_to_arrayrecord(
        start, True
    )
    context.state.config_records["config"] = ConfigRecord({"current_round": 1})
    workflow = SecAggPlusWorkflow(num_shares=1.0, reconstruction_threshold=0.6, **options)
    start = time.perf_counter()
    workflow(grid, context)
    grid.total = time.perf_counter() - start
    found = recorddict_compat.arrayrecord_to_parameters(
        context.state.array_records["parameters"], True
    )
    result = parameters_to_ndarrays(found)[0]
    return (result if grid.stage == len(STAGES) and result.any() else None), grid


def main(clients, coordinates):
    rng = np.random.default_rng(0)
    values = [rng.normal(0, 0.01, coordinates) for _ in range(clients)]
    found, grid = mean(values, [100] * clients)
    survived = {}
    for stage in STAGES:
        small = [vector[:50] for vector in values]
        found_less, _ = mean(small, [100] * clients, {1: stage})
        left = small if found_less is None else small[1:]
        survived[stage] = found_less is not None and bool(
            np.allclose(found_less, np.mean(left if stage != "unmask" else small, 0), atol=1e-4)
        )
    told = {
        "version": version("flwr"),
        "seconds": dict(zip(STAGES, grid.seconds, strict=True)) | {"whole": grid.total},
        "bytes_up": dict(zip(STAGES, grid.bytes_up, strict=True)),
        "largest_error": float(np.abs(found - np.mean(values, 0)).max()),
        "one_lost_in": survived,
        "mean_of_2_-3_7.5": {
            str(count): np.round(mean([np.array([2.0, -3.0, 7.5])] * 4, [count] * 4)[0], 3).tolist()
            for count in (100, 1000, 10_000)
        },
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
