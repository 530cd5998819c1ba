"""A server with the right keys that lies, built of our own parts, before sites that are processes.

Each lie is refused with the reason in the sites' logs, and no sum comes of it.
"""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from crypto.parties import SERVER
from crypto.protocols.masking.messages import Invitation
from crypto.protocols.masking.session import DoubleMasking
from crypto.protocols.masking.topology import CompleteGraph
from crypto.session.apart.conductor import Conductor
from crypto.session.consortium import EnrolledConsortium
from tests.tff_health.federation.drills.drill import Drill
from tests.tff_health.federation.drills.program import MODEL, SLOTS
from tff_health.federation.carrier.hub import GrpcHub
from tff_health.federation.consortium.credentials import server_credentials
from tff_health.federation.consortium.registry import read_registry
from tff_health.federation.errors import FederationError
from tff_health.federation.programs.parties import protocol_of
from tff_health.federation.rounds.messages import TRAIN, RoundOffer
from tff_health.federation.rounds.server_rounds import Patience, ServerRounds
from tff_health.secure_aggregation.protocols import BoundProtocols

pytestmark = [pytest.mark.slow, pytest.mark.drill]
SCHEME = "bonawitz"


class Careful(Drill):
    """Sites whose policies are as strict as the study is."""

    smallest_cohort = smallest_threshold = 4


class Liar:
    """Asks as the server would, but for what `alter` makes of messages to some party."""

    def __init__(self, session, alter):
        self._session, self._alter = session, alter

    def __getattr__(self, name):
        return getattr(self._session, name)

    def ask(self, task, stage, messages, seconds=None):
        altered = {party: self._alter(party, stage, data) for party, data in messages.items()}
        return self._session.ask(task, stage, altered, seconds)


def as_it_is(party, stage, data):
    return data


@pytest.fixture
def sites(tmp_path):
    with Careful(tmp_path, SCHEME, rounds=2) as drill:
        for name in drill.sites:
            drill.start(name)
        yield drill


def lie(drill, work, alter=as_it_is, *, study=None, protocol=None, fewest=4):
    """Run `work` with the rounds of a server that has the right keys."""
    registry = read_registry(drill.folder / "ca/registry.json")
    digest = study or drill.study.digest

    async def serve():
        credentials = server_credentials(drill.folder / "ca/server", registry)
        hub = GrpcHub(credentials, drill.study.digest, lambda: registry)
        await hub.start(drill.study.section.server)
        conductor = Conductor(hub, 10.0)

        def run(session):
            return work(
                ServerRounds(
                    Liar(session, alter),
                    protocol or protocol_of(drill.study, registry, SERVER, None),
                    SLOTS[SCHEME],
                    digest,
                    fewest=fewest,
                    patience=Patience(10.0),
                )
            )

        try:
            return await conductor.run(run)
        finally:
            await hub.close("the lie is over", patience=1.0)

    return asyncio.run(asyncio.wait_for(serve(), 120))


def one_round(clients, number=1):
    return lambda rounds: rounds.run(MODEL % number, number, lambda _: clients)


def refused(drill, reason, names=None):
    for name in names or drill.sites:
        assert reason in drill.log(name), drill.log(name)


def test_another_study(sites):
    with pytest.raises(FederationError, match="was aborted 5 times"):
        lie(sites, one_round(sites.clients), study=bytes(32))
    refused(sites, "a round of another study")


def test_a_cohort_that_a_site_does_not_accept(sites):
    protocol = masking(sites, CompleteGraph(3))
    with pytest.raises(FederationError, match="was aborted 5 times"):
        lie(sites, one_round((1, 2, 3)), protocol=protocol, fewest=3)
    refused(sites, "this site's rules: policy forbids a", ("hospital-1", "hospital-3"))


def test_a_lower_threshold(sites):
    protocol = masking(sites, CompleteGraph(3))
    with pytest.raises(FederationError, match="was aborted 5 times"):
        lie(sites, one_round(sites.clients), protocol=protocol)
    refused(sites, "policy forbids a threshold of 3")


def test_a_threshold_under_which_distributed_noise_is_not_what_is_counted(tmp_path):
    noise = {"dp_noise": "distributed", "noise_multiplier": 2.0, "local_steps": 1}
    with Drill(tmp_path, SCHEME, rounds=2, **noise) as drill:
        for name in drill.sites:
            drill.start(name)
        few = drill.clients[:4]  # of whom three would do, without noise
        with pytest.raises(FederationError, match="was aborted 5 times"):
            lie(drill, one_round(few), protocol=masking(drill, CompleteGraph(3)))
        refused(drill, "threshold 3 is below the 4 agreed to", drill.sites[:4])
        assert lie(drill, one_round(few, 2)).survivors == few


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_round_that_was_summed_already_over_another_cohort(tmp_path, is_restarted):
    with Drill(tmp_path, SCHEME, rounds=2) as drill:
        for name in drill.sites:
            drill.start(name)
        assert lie(drill, one_round(drill.clients)).survivors == drill.clients
        if is_restarted:  # a site's journal is all that it remembers then
            for name in drill.sites:
                drill.kill(name)
                drill.start(name)
        second = lie(drill, one_round((1, 2, 3, 4)))
        assert second.lost
        assert second.survivors == ()
        refused(drill, "a second sum of round 1", drill.sites[:4])


def test_two_models(sites):
    """One for some sites and another for the rest, each with invitations that are bound to it."""
    mine = RoundOffer(sites.study.digest, 1, MODEL % 1)
    other = replace(mine, model=mine.model + b" or others")
    deceived = (4, 5)

    def alter(party, stage, data):
        if party in deceived and stage == TRAIN:
            return other.to_bytes()
        return data

    with pytest.raises(FederationError, match="was aborted 5 times"):
        lie(sites, one_round(sites.clients), alter)
    # They trained on another one, and so are not in the cohort; three are too few.
    for name in ("hospital-4", "hospital-5"):
        assert "round 1: training" in sites.log(name)

    def alter_both(party, stage, data):
        if party in deceived and stage == "advertise keys":
            return replace(Invitation.from_bytes(data), binding=other.binding()).to_bytes()
        return data

    with pytest.raises(FederationError, match="was aborted 5 times"):
        lie(sites, one_round(sites.clients, 2), alter_both)
    refused(sites, "bound", ("hospital-4", "hospital-5"))


def masking(drill, topology):
    """Double masking at the server, over another graph than the study's."""
    registry = read_registry(Path(drill.folder) / "ca/registry.json")
    consortium = EnrolledConsortium(registry.verify_keys, None, party=SERVER, own=None)
    return BoundProtocols.to_all(DoubleMasking(topology, consortium=consortium))
