"""Sites and a server in one process, whose numbers are added in the clear; needs no TFF."""

import numpy as np

from tff_health.data import catalog
from tff_health.data.federated import federate
from tff_health.flags import parse
from tff_health.roles.broadcast import Broadcast
from tff_health.roles.server import ServerTraining
from tff_health.roles.site import SiteTraining
from tff_health.training.data_facts import DataFacts

GIVEN = ("--dataset=digits", "--model=tanh_cnn", "--num_clients=3", "--seed=5", "--rounds=3")


def config_of(*flags):
    return parse(["run_experiments.py", *GIVEN, *flags], {}).config


def federated_of(config):
    data = config.data
    images = catalog.load(data.dataset, None, None, config.reading)
    return federate(
        *(images, data.split, data.augment_copies, config.partition_spec, config.run.seed),
        by_group=config.by_group,
        validation_fraction=data.validation_fraction,
    )


def plain_sums(slots, contributions):
    """Adds in Python's integers, modulo where a slot says so."""
    sums = []
    for place, slot in enumerate(slots):
        total = sum(np.asarray(given[place]).astype(object) for given in contributions)
        total = total % slot.bound if slot.kind == "modular" else total
        sums.append(np.asarray(total).astype(slot.dtype).reshape(slot.shape))
    return sums


class Study:
    """The sites of a study and its server.

    Attributes:
        contributed: of the last round, what each site in it contributed.
    """

    def __init__(self, config, federated, folder, privacy=None):
        facts = DataFacts.of(federated)
        self.sites = [
            SiteTraining(
                *(config, facts, federated.of_client(client), client, folder / f"site{client}"),
                privacy=privacy,
            )
            for client in range(config.cohort.num_clients)
        ]
        self.server = ServerTraining(config, facts, folder / "server", federated, privacy=privacy)
        self.validates = config.data.validation_fraction > 0 and privacy is None

    def round(self, number, survivors=None):
        """Runs a round over the survivors, all if none are named; returns its row."""
        sent = Broadcast.from_bytes(self.server.broadcast().to_bytes())
        chosen = [s for s in self.sites if survivors is None or s.client in survivors]
        self.contributed = [site.contribute(sent, number) for site in chosen]
        for site in chosen:
            site.keep(number)
        sums = plain_sums(self.server.sums.slots, self.contributed)
        return self.server.apply(sums, len(chosen), number)

    def validation(self):
        """Returns the columns of validation over all sites."""
        sent = self.server.broadcast()
        contributed = [site.validate(sent) for site in self.sites]
        sums = plain_sums(self.server.sums.validation_slots, contributed)
        return self.server.validated(sums)
