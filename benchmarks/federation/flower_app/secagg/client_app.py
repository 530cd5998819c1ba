"""A client: it has a vector that follows from the number of its partition."""

import numpy as np
from flwr.app import Context
from flwr.client import NumPyClient
from flwr.client.mod import secaggplus_mod
from flwr.clientapp import ClientApp


def vector(number, coordinates):
    return np.random.default_rng(number).normal(0, 0.01, coordinates)


class Holder(NumPyClient):
    def __init__(self, values):
        self.values = values

    def fit(self, parameters, config):  # noqa: ARG002 - Flower's names
        return [self.values], 1000, {}


def client_fn(context: Context):
    number = int(context.node_config["partition-id"])
    return Holder(vector(number, int(context.run_config["coordinates"]))).to_client()


app = ClientApp(client_fn=client_fn, mods=[secaggplus_mod])
