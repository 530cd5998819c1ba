import itertools

import pytest

from crypto.errors import DecodingError, ParameterError
from crypto.operations import Operation, note
from crypto.parties import AUTHORITY, SERVER, describe
from crypto.session.channel import Channel
from crypto.session.costs import ClientCost, Costs, MessageCost, OperationCost, WorkCost
from crypto.session.faults import Alter, Delay, Drop, Duplicate, Fault, Overtake
from crypto.wire import MAGIC, VERSION

STAGES = ("first", "second")
HELLO = MAGIC + bytes([VERSION, 7]) + b"hello"


def channel(**options):
    ticks = itertools.count()
    return Channel(STAGES, {7: "greeting"}, clock=lambda: float(next(ticks)), **options)


def arrived(lines, stage="first", receiver=SERVER):
    return [(e.sender, e.data) for e in lines.collect(stage, receiver)]


def test_messages_arrive_once_in_order():
    lines = channel()
    lines.send("first", 1, SERVER, HELLO)
    lines.send("first", 2, SERVER, HELLO + b"!")
    lines.send("first", SERVER, 2, HELLO)
    assert arrived(lines) == [(1, HELLO), (2, HELLO + b"!")]
    assert arrived(lines) == []
    assert arrived(lines, receiver=2) == [(SERVER, HELLO)]
    assert arrived(lines, receiver=1) == []


def test_faults():
    faults = [
        Fault(Drop(), sender=1),
        Fault(Delay("second"), sender=2),
        Fault(Duplicate(), sender=3),
        Fault(Overtake(), sender=4),
        Fault(Alter(bytes.upper), sender=5),
        Fault(Drop(), sender=6, stage="second"),
        Fault(Drop(), sender=6, receiver=9),
        Fault(Drop(), sender=5),  # the first rule that matches counts
    ]
    lines = channel(faults=faults)
    for sender in range(1, 7):
        lines.send("first", sender, SERVER, HELLO)
    expected = [(4, HELLO), (3, HELLO), (3, HELLO), (5, HELLO.upper()), (6, HELLO)]
    assert arrived(lines) == expected
    assert [e.stage for e in lines.collect("second", SERVER)] == ["first"]


def test_only_overtaking_breaks_the_order():
    assert channel(faults=[Fault(Drop()), Fault(Delay("second"))]).keeps_order
    assert not channel(faults=[Fault(Drop()), Fault(Overtake())]).keeps_order


def test_dropouts_stop_at_their_stage():
    lines = channel(dropouts={1: "second"})
    assert lines.is_present(1, "first")
    assert not lines.is_present(1, "second")
    assert lines.is_present(2, "second")
    lines.send("first", SERVER, 1, HELLO)
    lines.send("second", SERVER, 1, HELLO)
    assert len(arrived(lines, "first", 1)) == 1
    assert arrived(lines, "second", 1) == []


@pytest.mark.parametrize(
    "options",
    [
        {"dropouts": {1: "third"}},
        {"faults": [Fault(Drop(), "third")]},
        {"faults": [Fault(Delay("third"))]},
    ],
)
def test_unknown_stages_are_refused(options):
    with pytest.raises(ParameterError):
        channel(**options)


def test_costs_are_counted_when_sent_and_timed_apart():
    lines = channel(faults=[Fault(Drop(), sender=2)])
    lines.send("first", 1, SERVER, HELLO)
    lines.send("first", 2, SERVER, HELLO)
    lines.send("second", SERVER, 1, HELLO)
    with lines.work(1, "first"):
        pass
    with pytest.raises(ValueError, match="x"), lines.work(SERVER, "first"):
        raise ValueError("x")
    assert lines.costs() == Costs(
        (
            MessageCost("first", "up", "greeting", 2, 18),
            MessageCost("second", "down", "greeting", 1, 9),
        ),
        (WorkCost("first", "client", 1, 1.0), WorkCost("first", "server", 1, 1.0)),
        (ClientCost(1, 9, 9, 1.0), ClientCost(2, 9, 0, 0.0)),
    )
    assert (lines.costs().bytes_up, lines.costs().bytes_down) == (18, 9)
    assert (lines.costs().client_seconds, lines.costs().server_seconds) == (1.0, 1.0)


def test_costs_add_up_row_by_row():
    one = Costs(
        (MessageCost("a", "up", "x", 1, 10),),
        (WorkCost("a", "client", 1, 0.5),),
        (ClientCost(1, 10, 0, 0.5),),
    )
    two = Costs(
        (MessageCost("a", "up", "x", 2, 20), MessageCost("a", "down", "x", 1, 5)),
        (WorkCost("a", "client", 1, 0.25), WorkCost("a", "server", 1, 1.0)),
        (ClientCost(1, 20, 5, 0.25), ClientCost(2, 0, 0, 0.0)),
    )
    both = one + two
    assert both.messages == (
        MessageCost("a", "up", "x", 3, 30),
        MessageCost("a", "down", "x", 1, 5),
    )
    assert both.work == (WorkCost("a", "client", 2, 0.75), WorkCost("a", "server", 1, 1.0))
    assert both.clients == (ClientCost(1, 30, 5, 0.75), ClientCost(2, 0, 0, 0.0))
    assert sum([one, two], Costs()) == both


def test_operations_count_for_the_party_whose_step_is_under_way():
    lines = channel()
    note(Operation.SHARE)  # in no step, so for nobody
    with lines.work(1, "first"):
        note(Operation.SHARE, 3)
        with lines.work(SERVER, "first"):
            note(Operation.KEY_AGREEMENT)
        note(Operation.SHARE)
    with pytest.raises(ValueError, match="x"), lines.work(1, "second"):
        note(Operation.SHARE)
        raise ValueError("x")
    costs = lines.costs()
    assert costs.operations == (
        OperationCost("first", 1, Operation.SHARE, 4),
        OperationCost("first", SERVER, Operation.KEY_AGREEMENT, 1),
        OperationCost("second", 1, Operation.SHARE, 1),
    )
    assert costs.count(1, Operation.SHARE) == 5
    assert costs.count(2, Operation.SHARE) == 0
    assert costs.without({"first"}).operations == costs.operations[2:]
    assert (costs + costs).count(1, Operation.SHARE) == 10
    assert costs.within("all").operations[0] == OperationCost("all", 1, Operation.SHARE, 5)


def test_only_messages_cross():
    with pytest.raises(DecodingError):
        channel().send("first", 1, SERVER, b"no message")


def test_parties_have_names():
    parties = (7, SERVER, AUTHORITY, None)
    names = ["client 7", "the server", "the authority", "nobody known"]
    assert [describe(p) for p in parties] == names


def test_what_an_authority_sends_counts_as_bytes_down():
    lines = channel()
    with lines.work(AUTHORITY, "first"):
        lines.send("first", AUTHORITY, 1, HELLO)
    assert [envelope.sender for envelope in lines.collect("first", 1)] == [AUTHORITY]
    size = len(HELLO)
    assert lines.costs() == Costs(
        (MessageCost("first", "down", "greeting", 1, size),),
        (WorkCost("first", "authority", 1, 1.0),),
        (ClientCost(1, 0, size, 0.0),),
    )
    assert (lines.costs().client_seconds, lines.costs().server_seconds) == (0.0, 0.0)
