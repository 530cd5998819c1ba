"""Random input to every role: only declared errors, and what is refused changes nothing."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.errors import (
    AbortError,
    ProtocolError,
)
from crypto.protocols.masking.messages import MessageType
from crypto.session.signing import SIGNED_MESSAGE
from crypto.wire import message_type
from tests.crypto.protocols.masking.cast import Cast
from tests.crypto.protocols.masking.strategies import messages

pytestmark = pytest.mark.drill


@pytest.fixture(scope="module", params=[True, False], ids=["signed", "unsigned"])
def stages(request):
    """Clients and server at each stage, with the message that would be right."""
    signed = request.param
    at = []
    cast = Cast(signed=signed).advertise()
    at.append((cast, "share_keys", cast.server.publish_keys(), cast.parts[2].share_keys))
    cast = Cast(signed=signed).share()
    down = cast.server.deliver_shares()
    vector = cast.vectors[2]
    at.append((cast, "masked_input", down, lambda d, c=cast: c.parts[2].masked_input(d, vector)))
    cast = Cast(signed=signed).upload()
    down = cast.server.announce_survivors()
    step = "confirm_survivors" if signed else "unmask"
    at.append((cast, step, down, getattr(cast.parts[2], step)))
    if signed:
        cast = Cast().confirm()
        at.append((cast, "unmask", cast.server.publish_agreements(), cast.parts[2].unmask))
    return [
        (cast, name, down[1], copy.deepcopy(cast.parts[1]), own(down[2]))
        for cast, name, down, own in at
    ]


@st.composite
def mutations(draw):
    """A way to change bytes: flips, a cut, an insertion; not always any."""
    flips = draw(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), max_size=4))
    cut = draw(st.none() | st.integers(0, 10**6))
    extra = draw(st.binary(max_size=6))

    def mutate(data):
        changed = bytearray(data)
        for position, bits in flips:
            changed[position % len(changed)] ^= bits
        if cut is not None:
            del changed[cut % len(changed) :]
        return bytes(changed + extra)

    return mutate


@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_clients_raise_declared_errors_only(stages, data):
    cast, name, right, part, _ = data.draw(st.sampled_from(stages))
    attempt = data.draw(
        mutations().map(lambda m: m(right))
        | messages.map(lambda m: m.to_bytes())
        | st.binary(max_size=300)
    )
    part = copy.copy(part)
    arguments = (cast.vectors[1],) if name == "masked_input" else ()
    try:
        answer = getattr(part, name)(attempt, *arguments)
    except ProtocolError as error:
        assert error.culprit is not None
    except AbortError:
        pass
    else:
        complains = message_type(answer) == MessageType.SHARE_COMPLAINT
        assert attempt == right or complains or not cast.signed


@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_the_server_raises_declared_errors_only(stages, data):
    cast, _, _, _, right = data.draw(st.sampled_from(stages))
    server = copy.deepcopy(cast.server)
    mutate = data.draw(mutations())
    changed = mutate(right)
    if cast.signed and data.draw(st.booleans()):  # a client that signs what it should not send
        body = mutate(right[:-64])
        changed = body + cast.identities[2].sign(SIGNED_MESSAGE, body)
    attempt = data.draw(
        st.just(changed) | messages.map(lambda m: m.to_bytes()) | st.binary(max_size=300)
    )
    before = copy.deepcopy(vars(server))
    try:
        server.receive(2, attempt)
    except ProtocolError as error:
        assert error.culprit == 2
        after = vars(server)
        for name in (
            "_keys",
            "_public_keys",
            "_dealt",
            "_agreements",
            "_answers",
        ):
            assert before[name] == after[name]
        assert vars(before["_door"]) == vars(after["_door"])
        assert (before["_total"].to_array() == after["_total"].to_array()).all()
