"""APPFL's secure aggregation: its own masks, summed by its own FedAvg aggregator.

Usage: python appfl_run.py CLIENTS COORDINATES     by APPFL's Python; prints JSON
"""

import json
import sys
import time
from importlib.metadata import version

import numpy as np
import torch
from appfl.algorithm.aggregator import FedAvgAggregator
from appfl.privacy import SecureAggregator
from omegaconf import OmegaConf

SECRET = b"of all clients"  # APPFL gives one to every client


def payload(client, names, values, examples):
    """What APPFL's trainer sends: an update with its masks, for the round 1."""
    masks = SecureAggregator(client, names, SECRET, torch.device("cpu"))
    flat, shapes = masks.mask_update({"w": torch.tensor(values, dtype=torch.float32)}, 1)
    return {"type": "masked_update_flat", "flat": flat, "shapes": shapes, "num_examples": examples}


def mean(payloads, mode):
    configs = OmegaConf.create({"use_secure_agg": True, "client_weights_mode": mode})
    aggregator = FedAvgAggregator(model=None, aggregator_configs=configs, logger=None)
    return aggregator.aggregate(dict(payloads))["w"].numpy()


def main(clients, coordinates):
    rng = np.random.default_rng(0)
    names = [f"client{number}" for number in range(clients)]
    values = [rng.normal(0, 0.01, coordinates) for _ in names]
    examples = [100 * (1 + number) for number in range(clients)]
    start = time.perf_counter()
    payloads = {n: payload(n, names, v, e) for n, v, e in zip(names, values, examples, strict=True)}
    masked = time.perf_counter()
    found = mean(payloads, "equal")
    whole = time.perf_counter()
    without = {name: payloads[name] for name in names[1:]}

    def error(result, wanted):
        return float(np.abs(result - wanted).max())

    told = {
        "version": version("appfl"),
        "seconds": {"mask": masked - start, "sum": whole - masked, "whole": whole - start},
        "bytes_up": {"mask": payloads[names[0]]["flat"].numpy().nbytes},
        "largest_error": error(found, np.mean(values, 0)),
        "largest_error_weighted_by_examples": error(
            mean(payloads, "sample_size"), np.average(values, axis=0, weights=examples)
        ),
        "largest_error_with_one_lost": error(mean(without, "equal"), np.mean(values[1:], 0)),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
