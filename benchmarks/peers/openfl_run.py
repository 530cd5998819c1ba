"""OpenFL's secure aggregation: its own set-up callback, aggregator's set-up, masks and average.

Usage: python openfl_run.py CLIENTS COORDINATES     by OpenFL's Python; prints JSON
"""

import json
import sys
import threading
import time
from importlib.metadata import version

import numpy as np
from openfl.callbacks.secure_aggregation import SecAggBootstrapping
from openfl.component.collaborator.collaborator import Collaborator
from openfl.databases import TensorDB
from openfl.interface.aggregation_functions import SecureWeightedAverage
from openfl.utilities import LocalTensor, TensorKey
from openfl.utilities.secagg.bootstrap import SecAggSetup

AGGREGATOR = "aggregator"


class MemoryClient:
    """What a collaborator asks the aggregator for, in this process."""

    def __init__(self, setup, database):
        self.setup, self.database = setup, database
        self.changed, self.bytes_up = threading.Condition(), 0

    def send_local_task_results(self, _round, _task, _size, named_tensors):
        with self.changed:
            self.bytes_up += sum(tensor.ByteSize() for tensor in named_tensors)
            self.setup.process_secagg_setup_tensors(named_tensors)
            self.changed.notify_all()

    def get_aggregated_tensor(self, name, round_number, report, tags, _lossless):
        class Found:
            data_bytes = b""

        with self.changed:
            key = TensorKey(name, AGGREGATOR, round_number, report, tags)
            while (tensor := self.database.get_tensor_from_cache(key)) is None:
                if not self.changed.wait(timeout=5):
                    raise TimeoutError(name)  # somebody is missing, and the set-up waits for all
        Found.data_bytes = json.dumps(tensor, default=np.ndarray.tolist).encode()  # as it does
        return Found


def set_up(names, lost=()):
    """Runs the set-up; returns each collaborator's database, the aggregator's, bytes and errors."""
    database = TensorDB()
    client = MemoryClient(SecAggSetup(AGGREGATOR, names, database), database)
    held, failed, threads = {}, [], []

    def begin(name):
        callback = SecAggBootstrapping()
        callback.set_params({"origin": name, "client": client})
        callback.set_tensor_db(held[name])
        try:
            callback.on_experiment_begin()
        except Exception as error:
            failed.append(repr(error))

    for name in names:
        held[name] = TensorDB()
        if name not in lost:
            threads.append(threading.Thread(target=begin, args=(name,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return held, client, failed


def masked(name, database, values):
    """What the collaborator sends of one tensor."""
    collaborator = object.__new__(Collaborator)  # its masking alone, without a network
    collaborator.collaborator_name, collaborator.tensor_db = name, database
    collaborator._private_mask = collaborator._shared_mask = None
    key = TensorKey("w", name, 0, False, ("trained",))
    tensors = {key: values}
    collaborator._apply_masks(tensors)
    return tensors[key]


def main(clients, coordinates):
    rng = np.random.default_rng(0)
    names = [f"collaborator{number}" for number in range(clients)]
    values = [rng.normal(0, 0.01, coordinates) for _ in names]
    start = time.perf_counter()
    held, client, failed = set_up(names)
    assert not failed, failed
    ready = time.perf_counter()
    sent = [masked(n, held[n], v) for n, v in zip(names, values, strict=True)]
    uploaded = time.perf_counter()

    def error(rows, weights):
        tensors = [LocalTensor(names[i], sent[i], weights[i]) for i in rows]
        found = SecureWeightedAverage().call(tensors, client.database._iterate())
        wanted = np.average([values[i] for i in rows], axis=0, weights=[weights[i] for i in rows])
        return float(np.abs(found - wanted).max())

    everyone, equal = range(clients), [1.0] * clients
    largest = error(everyone, equal)
    whole = time.perf_counter()
    results = client.setup._results
    told = {
        "version": version("openfl"),
        "seconds": {
            "set-up": ready - start,
            "mask": uploaded - ready,
            "average": whole - uploaded,
            "whole": whole - start,
        },
        "bytes_up": {"set-up": client.bytes_up // clients, "mask": sent[0].nbytes},
        "largest_error": largest,
        "largest_error_weighted_by_examples": error(everyone, [1.0 + i for i in everyone]),
        "largest_error_with_one_lost": error(everyone[1:], equal),
        "seeds_at_the_aggregator_after_set_up": len(results["private_seeds"]),
        "distinct_masks_of_one_tensor": len(np.unique(np.round(sent[0] - values[0], 9))),
        "set_up_with_one_lost": set_up(names, lost=names[:1])[2][:1],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
