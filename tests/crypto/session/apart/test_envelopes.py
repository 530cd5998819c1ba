"""Envelopes that are garbage, replayed, foreign or too long; what a refusal says, and what not."""

import asyncio
import contextlib
import random

import pytest

from crypto import errors
from crypto.errors import (
    MalformedMessageError,
    ParameterError,
    PolicyError,
    ProtocolError,
    ReplayError,
    ThresholdError,
)
from crypto.parties import AUTHORITY, SERVER
from crypto.session.apart.conductor import Conductor
from crypto.session.apart.delivery_messages import DealingOrder, Dealt, Delivery, DeliveryKey
from crypto.session.apart.envelopes import (
    MOST_TEXT,
    Answer,
    RefusedRequest,
    Request,
    read_reply,
)
from crypto.session.apart.links import Arrival, LinkLostError
from crypto.session.apart.memory import MemoryHub
from crypto.session.apart.participant import Participant
from tests.crypto.message_laws import sample_laws
from tests.crypto.session.apart.world import World, run

TOKEN, SID = bytes(range(16)), bytes(range(32))
REQUEST = Request(TOKEN, 5, "study/sum", "upload", b"data")
SAMPLES = [
    REQUEST,
    Answer(TOKEN, 5, 1234, b"data"),
    RefusedRequest(TOKEN, 5, "ReplayError", 2**32, "what was wrong"),
    DeliveryKey(SID, 3, SID),
    DealingOrder(b"order", (b"key", b"other")),
    Delivery(SID, 3, SID, b"sealed"),
    Dealt(((1, b"one"), (4, b"four")), b"public"),
]
TestSamples = sample_laws(SAMPLES)


@pytest.mark.parametrize("culprit", [None, SERVER, AUTHORITY, 0, 7, 2**32 - 1])
def test_a_refusal_keeps_its_class_its_text_and_who_is_to_blame(culprit):
    error = RefusedRequest.of(REQUEST, ReplayError("again", culprit)).to_error()
    assert (type(error), error.what, error.culprit) == (ReplayError, "again", culprit)


def test_an_abort_travels_as_one():
    error = RefusedRequest.of(REQUEST, ThresholdError("clients", 2, 3)).to_error()
    assert isinstance(error, errors.AbortError)
    assert str(error) == "clients: 2 are left, 3 are needed"


def test_of_other_errors_the_class_alone_is_told():
    for kind in (ParameterError, ValueError, OSError):
        refusal = RefusedRequest.of(REQUEST, kind("the vector is [5, 6, 7]"))
        assert refusal.text == f"the party cannot take this step: {kind.__name__}"


def test_texts_are_short_and_printable():
    text = RefusedRequest.of(REQUEST, PolicyError("\n\x1b[31m" + "é" * 999, SERVER)).text
    assert len(text) == MOST_TEXT
    assert text.startswith("??[31m??")


def test_a_name_that_is_no_error_is_an_abort():
    for name in ("blaming", "CryptoError", "ParameterError", "ThresholdError", "no such thing"):
        refusal = RefusedRequest(TOKEN, 5, name, 3, "text")
        assert type(refusal.to_error()) is errors.AbortError


def test_names_and_texts_are_bounded():
    for make in (
        lambda: Request(TOKEN, 1, "x" * 65, "stage", b""),
        lambda: Request(TOKEN, 1, "task", "x" * 65, b""),
        lambda: Request(TOKEN[1:], 1, "task", "stage", b""),
        lambda: Request(TOKEN, 2**32, "task", "stage", b""),
        lambda: RefusedRequest(TOKEN, 1, "E", 2**32 + 3, "text"),
        lambda: RefusedRequest(TOKEN, 1, "E", 0, "x" * (MOST_TEXT + 1)),
    ):
        with pytest.raises(ParameterError):
            make()


def mutated(source, data):
    """Change some bytes, cut, lengthen, or make up."""
    changed = bytearray(data)
    match source.randrange(5):
        case 0:
            for _ in range(source.randint(1, 4)):
                changed[source.randrange(len(changed))] = source.randrange(256)
        case 1:
            del changed[source.randrange(len(changed)) :]
        case 2:
            changed += source.randbytes(source.randint(1, 50))
        case 3:
            changed = bytearray(source.randbytes(source.randint(0, 90)))
        case 4:
            position = source.randrange(len(changed))
            changed[position : position + 4] = source.randbytes(4)
    return bytes(changed)


def test_garbage_is_refused_by_one_error():
    source = random.Random(1)
    for number in range(4000):
        data = mutated(source, SAMPLES[number % 3].to_bytes())
        for read in (read_reply, Request.from_bytes):
            try:
                read(data)
            except ProtocolError as error:
                assert type(error) is MalformedMessageError


class Script:
    """A hub whose parties say what a list holds, whatever they are asked."""

    def __init__(self, parties, said):
        self.connected = frozenset(parties)
        self._said = list(said)

    async def send(self, party, data):
        pass

    async def receive(self):
        if not self._said:
            await asyncio.sleep(60)
        said = self._said.pop(0)
        if said.data is None:
            self.connected -= {said.party}
        return said


def asked(said, parties=(1, 2), **options):
    """Ask two parties; return the conductor and what came of it."""

    async def ask():
        conductor = Conductor(Script(parties, said), 0.2, randomness=Fixed(), **options)
        messages = dict.fromkeys(parties, b"x")
        replies = await conductor.run(lambda session: list(session.ask("task", "stage", messages)))
        return conductor, replies

    return run(ask())


class Fixed:
    def bytes(self, count):
        return TOKEN[:count]


def answer(party, data=b"yes", step=1, token=TOKEN):
    return Arrival(party, Answer(token, step, 0, data).to_bytes())


def test_it_ends_when_nobody_is_left_to_wait_for():
    conductor, replies = asked([answer(1), Arrival(2, None)])
    assert [(reply.party, reply.data) for reply in replies] == [(1, b"yes")]
    assert conductor.silent == frozenset()


def test_answers_of_other_sessions_and_steps_are_dropped_and_counted():
    other = bytes(16)
    said = [answer(1, step=9), answer(1, token=other), answer(1), answer(1, b"again"), answer(2)]
    conductor, replies = asked(said)
    assert [(reply.party, reply.data) for reply in replies] == [(1, b"yes"), (2, b"yes")]
    assert conductor.late(1) == 2


def test_strangers_are_not_heard():
    _, replies = asked([answer(7), answer("authority"), answer(1), answer(2)])
    assert [reply.party for reply in replies] == [1, 2]


def test_garbage_ends_the_step_of_its_sender_alone():
    _, replies = asked([Arrival(1, b"garbage"), Arrival(1, b"more"), answer(1), answer(2)])
    assert [reply.party for reply in replies] == [1, 2]
    assert isinstance(replies[0].refusal, MalformedMessageError)
    assert replies[0].refusal.culprit == 1
    assert replies[1].data == b"yes"


def test_an_oversize_answer_is_not_read():
    _, replies = asked([answer(1, bytes(2000)), answer(2)], largest_answer=1000)
    assert "1000 at most are read" in str(replies[0].refusal)
    assert replies[1].data == b"yes"


def test_silence_costs_one_deadline_once():
    conductor, replies = asked([answer(1)])
    assert [reply.party for reply in replies] == [1]
    assert conductor.silent == {2}
    assert conductor.present == {1}


def test_a_deadline_must_be_positive():
    for deadline in (0, -1, float("nan")):
        with pytest.raises(ParameterError):
            Conductor(MemoryHub(), deadline)


def test_a_flood_of_garbage_from_everyone_ends_the_session_and_nothing_else():
    async def flood():
        source = random.Random(2)
        async with World("masking", deadline=5.0) as world:
            world.expect()
            world.hub.alter_up = lambda party, data: mutated(source, data) if party < 2 else data
            for round_id in range(1, 4):
                world.expect(round_id)
                with contextlib.suppress(errors.AbortError):
                    world.assert_right(await world.sum(round_id))
            world.hub.alter_up = None
            world.expect(9)
            world.assert_right(await world.sum(9), world.clients)

    run(flood())


DOES = {"study/sum": lambda call: call.data}


def is_request(data):
    with contextlib.suppress(MalformedMessageError):
        return bool(Request.from_bytes(data))
    return False


def served(requests, tasks=None):
    """Let a participant answer requests; return what it said and what it noted."""
    notices, said = [], []

    async def serve():
        hub = MemoryHub()
        line = hub.line(1)
        for data in requests:
            await hub.send(1, data)
        participant = Participant(tasks or DOES, lambda *what: notices.append(what))
        serving = asyncio.create_task(participant.serve(line))
        while len(said) < sum(map(is_request, requests)):
            said.append(read_reply((await hub.receive()).data))
        hub.cut(1)
        with pytest.raises(LinkLostError):
            await serving
        while (arrival := await hub.receive()).data is not None:
            said.append(read_reply(arrival.data))

    run(serve())
    return said, notices


def test_a_participant_answers_each_step_once():
    again = Request(TOKEN, 5, "study/sum", "upload", b"other data")
    behind = Request(TOKEN, 4, "study/sum", "upload", b"other data")
    said, notices = served([r.to_bytes() for r in (REQUEST, again, behind)])
    assert [type(one) for one in said] == [Answer, RefusedRequest, RefusedRequest]
    assert said[0].data == b"data"
    assert {one.error for one in said[1:]} == {"ReplayError"}
    assert len(notices) == 2


def test_a_participant_refuses_tasks_that_it_does_not_have_and_survives_garbage():
    source = random.Random(3)
    garbage = [mutated(source, REQUEST.to_bytes()) for _ in range(2000)]
    unknown = Request(bytes(16), 1, "study/other", "upload", b"")
    good = Request(b"\1" * 16, 1, "study/sum", "upload", b"good")
    said, _ = served([*garbage, unknown.to_bytes(), good.to_bytes()])
    assert said[-1] == Answer(b"\1" * 16, 1, said[-1].microseconds, b"good")
    assert (said[-2].error, said[-2].culprit) == ("WrongTimeError", 2**32 + 1)


def test_a_role_that_fails_is_a_refusal_without_its_secrets():
    def fail(call):
        raise ValueError("the key is 0x1234")

    said, notices = served([REQUEST.to_bytes()], {"study/sum": fail})
    assert said[0].text == "the party cannot take this step: ValueError"
    assert "0x1234" in str(notices[0][2])


def test_the_same_request_again_gets_the_same_reply_without_a_second_step():
    calls = []

    def once(call):
        calls.append(call)
        return b"answer %d" % len(calls)

    said, _ = served([REQUEST.to_bytes()] * 3, {"study/sum": once})
    assert len(calls) == 1
    assert said[0] == said[1] == said[2]
