"""Clients that a server gave different things, such as two models, are in no sum together."""

import pytest

from crypto.errors import ConsistencyError, ParameterError
from crypto.parties import SERVER
from crypto.protocols.elgamal_sum.client import ElGamalClient
from crypto.protocols.homomorphic_sum.client import KeyedClient
from crypto.protocols.masking.client import MaskingClient
from crypto.protocols.paillier_sum.client import PaillierClient
from crypto.protocols.pairwise_masking.client import PairwiseClient
from crypto.session.faults import Alter, Fault
from crypto.session.secure_sum import SessionAbortedError
from tests.crypto.session.test_opened_rounds import VECTORS, each_protocol

MODEL, OTHER = b"\xa5" * 32, b"\x5a" * 32
VICTIM = 3
CLIENT_CLASSES = (MaskingClient, PairwiseClient, ElGamalClient, PaillierClient, KeyedClient)


def attack(protocol, binding=MODEL):
    """Runs a session in which the server names another model to one client; returns refusals."""
    faults = [Fault(Alter(lambda data: data.replace(MODEL, OTHER)), None, SERVER, VICTIM)]
    try:
        result = protocol.sum(VECTORS, 8, round_id=1, binding=binding, faults=faults)
    except SessionAbortedError as error:
        return error.refusals
    assert result.survivors == (0, 1, 2, 4)
    assert result.sum.tolist() == [7, 36]
    return result.refusals


@each_protocol
def test_the_sum_is_that_of_an_unbound_session(make):
    seen = []
    faults = [Fault(Alter(lambda data: seen.append(data) or data), None, SERVER)]
    protocol = make()
    result = protocol.sum(VECTORS, 8, round_id=1, binding=MODEL, faults=faults)
    assert result.sum.tolist() == [10, 45]
    assert result.refusals == ()
    assert sum(MODEL in data for data in seen) == len(VECTORS)


@each_protocol
def test_a_client_refuses_a_session_over_another_model_than_its_own(make):
    refusals = [refusal for refusal in attack(make()) if refusal.by == VICTIM]
    assert refusals
    assert isinstance(refusals[0].error, ConsistencyError)
    assert "another broadcast" in str(refusals[0].error)
    assert refusals[0].error.culprit == SERVER


@each_protocol
def test_a_client_refuses_a_session_that_is_bound_to_nothing(make, monkeypatch):
    give_the_victim(MODEL, monkeypatch)
    try:
        refusals = make().sum(VECTORS, 8, round_id=1).refusals
    except SessionAbortedError as error:
        refusals = error.refusals
    assert isinstance(refusals[0].error, ConsistencyError)
    assert (refusals[0].by, refusals[0].error.culprit) == (VICTIM, SERVER)


@each_protocol
def test_clients_with_different_models_are_in_different_sessions(make, monkeypatch):
    give_the_victim(OTHER, monkeypatch)
    refusals = attack(make())
    # What it sends belongs to a session that nobody else is in; or it has no keys there.
    assert refusals
    assert VICTIM in {refusal.error.culprit for refusal in refusals} | {r.by for r in refusals}


@each_protocol
def test_only_digests_are_bound_to(make):
    for binding in (b"model", bytes(31), bytes(33)):
        with pytest.raises(ParameterError, match="0 or 32 bytes"):
            make().sum(VECTORS, 8, round_id=1, binding=binding)


def give_the_victim(model, monkeypatch):
    """Lets one client have been given a model of its own."""
    for kind in CLIENT_CLASSES:
        monkeypatch.setattr(kind, "join", _join_with(kind.join, model))


def _join_with(join, model):
    def join_with_its_own(self, *arguments):
        own = model if self.client_id == VICTIM else arguments[-1]
        return join(self, *arguments[:-1], own)

    return join_with_its_own
