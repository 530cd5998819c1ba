"""Random input to the roles: only declared errors, and what is refused changes nothing."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.errors import AbortError, ProtocolError
from tests.crypto.protocols.masking.test_random_input import mutations
from tests.crypto.protocols.quality_sum.cast import Cast
from tests.crypto.protocols.quality_sum.strategies import any_message

KINDS = {
    "paper": {},
    "own keys": {"key_setup": "dkg"},
    "with proofs": {"proofs": True},
    "hardened": {"hardened": True},
}

pytestmark = pytest.mark.drill


class Moment:
    """Client 1 and the server at one stage, with the messages that would be right."""

    def __init__(self, cast, stage, opening):
        self.cast, self.stage = cast, stage
        self.right_down = dict(opening())
        self.client = next(iter(self.right_down))
        part = cast.parts[self.client]
        self.part = copy.deepcopy(part)
        data = self.right_down[self.client]
        self.right_up = part.step(stage, data, cast.contribution(self.client))
        self.server = cast.server


def moments(options):
    stages = list(Cast(**options).openings)[1:]
    for count, stage in enumerate([*stages, "decryption"]):
        cast = Cast(**options).join()
        for before in stages[:count]:
            cast.step(before)
        if stage == "decryption":
            cast.server.unmask()
        opening = cast.server.request_help if stage == "decryption" else cast.openings[stage]
        yield Moment(cast, stage, opening)


@pytest.fixture(scope="module", params=KINDS)
def at(request):
    return list(moments(KINDS[request.param]))


def state(server):
    decryption, masks = vars(server._decryption), vars(server.masks)
    names = "_ciphertexts", "_signed", "_partials"
    kept = {name: copy.copy(decryption[name]) for name in names}
    for name in ("_keys", "_public_keys", "_dealt", "_answers"):
        kept["masks", name] = copy.copy(masks[name])
    for role, found in (("qualities", decryption), ("masks", masks)):
        kept[role] = {name: copy.copy(value) for name, value in vars(found["_door"]).items()}
    kept["total"] = masks["_total"].to_array().tolist()
    return kept


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_the_server_raises_declared_errors_only(at, data):
    moment = data.draw(st.sampled_from(at))
    attempt = data.draw(
        mutations().map(lambda m: m(moment.right_up))
        | any_message.map(lambda m: m.to_bytes())
        | st.binary(max_size=300)
    )
    server = copy.deepcopy(moment.server)
    before = state(server)
    try:
        server.receive(moment.client, attempt)
    except ProtocolError as error:
        assert error.culprit == moment.client
        assert state(server) == before
    else:
        assert state(server) != before


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_clients_raise_declared_errors_only(at, data):
    moment = data.draw(st.sampled_from(at))
    right = moment.right_down[moment.client]
    attempt = data.draw(
        mutations().map(lambda m: m(right))
        | any_message.map(lambda m: m.to_bytes())
        | st.binary(max_size=300)
    )
    part = copy.deepcopy(moment.part)
    try:
        part.step(moment.stage, attempt, moment.cast.contribution(moment.client))
    except ProtocolError as error:
        assert error.culprit is not None
    except AbortError:
        pass


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_joining_raises_declared_errors_only(at, data):
    cast = at[0].cast
    right = cast.down["advertise keys"][1]
    attempt = data.draw(
        mutations().map(lambda m: m(right))
        | any_message.map(lambda m: m.to_bytes())
        | st.binary(max_size=300)
    )
    client = copy.deepcopy(cast.clients[1])
    try:
        client.join(attempt)
    except ProtocolError as error:
        assert error.culprit is not None
    else:
        assert attempt != right  # which was accepted before; another one is another session's
