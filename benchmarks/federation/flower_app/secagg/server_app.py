"""The server: one SecAgg+ round with all clients, timed, and its result beside the plain mean."""

import json
import time
from pathlib import Path

import numpy as np
from flwr.app import ConfigRecord, Context
from flwr.common import ndarrays_to_parameters, parameters_to_ndarrays
from flwr.compat.common import recorddict_compat
from flwr.server import LegacyContext, ServerApp, SimpleClientManager
from flwr.server.compat.grid_client_proxy import GridClientProxy
from flwr.server.strategy import FedAvg
from flwr.server.workflow import SecAggPlusWorkflow

from secagg.client_app import vector

app = ServerApp()


@app.main()
def main(grid, context: Context) -> None:
    clients, length = int(context.run_config["clients"]), int(context.run_config["coordinates"])
    while len(nodes := list(grid.get_node_ids())) < clients:
        time.sleep(0.2)
    manager = SimpleClientManager()
    for node in nodes:
        manager.register(GridClientProxy(node, grid, context.run_id))
    strategy = FedAvg(fraction_fit=1.0, min_fit_clients=clients, min_available_clients=clients)
    legacy = LegacyContext(context, strategy=strategy, client_manager=manager)
    start = ndarrays_to_parameters([np.zeros(length)])
    legacy.state.array_records["parameters"] = recorddict_compat.parameters_to_arrayrecord(
        start, True
    )
    legacy.state.config_records["config"] = ConfigRecord({"current_round": 1})
    workflow = SecAggPlusWorkflow(num_shares=1.0, reconstruction_threshold=0.7)
    begun = time.perf_counter()
    workflow(grid, legacy)
    seconds = time.perf_counter() - begun
    found = parameters_to_ndarrays(
        recorddict_compat.arrayrecord_to_parameters(legacy.state.array_records["parameters"], True)
    )[0]
    wanted = np.mean([vector(number, length) for number in range(clients)], 0)
    told = {"seconds": seconds, "error": float(np.abs(found - wanted).max())}
    Path(str(context.run_config["out"])).write_text(json.dumps(told))
