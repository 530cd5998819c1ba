import pytest

from crypto.errors import ReplayError, ThresholdError, WrongContentError
from crypto.parties import AUTHORITY, SERVER
from crypto.session.channel import Channel
from crypto.session.costs import Costs, MessageCost
from crypto.session.exchange import ChannelExchange
from crypto.session.runner import StageRunner
from crypto.session.secure_sum import Refusal, SessionAbortedError
from crypto.session.steps import in_turn
from crypto.wire import MAGIC, VERSION

HELLO = MAGIC + bytes([VERSION, 7]) + b"hello"
EARLIER = Costs((MessageCost("before", "up", "greeting", 1, 9),))


def runner(answer=lambda stage, client, data: data, receive=lambda sender, data: None, **options):
    lines = Channel(("first", "second"), {7: "greeting"}, clock=lambda: 0.0)
    steps = in_turn(lines, answer)
    return StageRunner(ChannelExchange(lines, (1, 2), steps, receive), **options)


@pytest.mark.parametrize(
    ("opens_at", "opened"), [(None, False), ("second", False), ("first", True)]
)
def test_an_abort_says_whether_the_sum_may_be_opened(opens_at, opened):
    def fail():
        raise ThresholdError("clients", 1, 2)

    running = runner(opens_at=opens_at)
    with pytest.raises(SessionAbortedError) as caught, running.aborting():
        running.run_stage("first", lambda: {1: HELLO, 2: HELLO})
        running.run_stage("second", fail)  # which asked nobody for anything
    assert caught.value.may_be_opened is opened


def test_a_stage_is_a_message_down_and_one_up():
    seen = []
    running = runner(receive=lambda sender, data: seen.append((sender, data)))
    running.run_stage("first", lambda: {1: HELLO + b"1", 2: HELLO + b"2"})
    assert seen == [(1, HELLO + b"1"), (2, HELLO + b"2")]
    assert running.refusals == ()
    assert [(row.direction, row.count) for row in running.costs().messages] == [
        ("down", 2),
        ("up", 2),
    ]


def test_what_an_authority_deals_is_taken_before_the_server_speaks():
    seen = []
    running = runner(answer=lambda stage, client, data: seen.append(("server", client)) or data)
    running.deal("first", lambda: {2: HELLO}, lambda client, data: seen.append(("dealt", client)))
    running.run_stage("first", lambda: {1: HELLO, 2: HELLO})
    assert seen == [("dealt", 2), ("server", 1), ("server", 2)]


def test_refusals_are_noted_and_the_others_go_on():
    def refuse(error):
        def raises(*_):
            raise error

        return raises

    seen = []
    first, second = ReplayError("dealt", AUTHORITY), WrongContentError("asked", SERVER)
    running = runner(
        answer=lambda stage, client, data: refuse(second)() if client == 1 else data,
        receive=lambda sender, data: seen.append(sender),
    )
    running.deal("first", lambda: {1: HELLO}, refuse(first))
    running.run_stage("second", lambda: {1: HELLO, 2: HELLO})
    assert seen == [2]
    assert running.refusals == (Refusal("first", 1, first), Refusal("second", 1, second))


def test_what_the_server_cannot_do_ends_the_session():
    running = runner(earlier_costs=EARLIER)

    def too_few():
        raise ThresholdError("clients", 1, 2)

    with pytest.raises(SessionAbortedError) as caught, running.aborting():
        running.run_stage("first", lambda: {1: HELLO})
        running.run_stage("second", too_few)
    assert caught.value.stage == "second"
    assert isinstance(caught.value.reason, ThresholdError)
    assert {row.stage for row in caught.value.costs.messages} == {"before", "first"}


def test_an_earlier_session_is_part_of_the_record():
    refusal = Refusal("before", 1, ReplayError("again", 2))
    running = runner(earlier_costs=EARLIER, earlier_refusals=(refusal,))
    assert running.costs() == EARLIER
    assert running.refusals == (refusal,)
    assert running.close(lambda: 5) == 5
