"""A client, or an authority, that goes or hangs at any stage: the right sum, and no long wait."""

import asyncio
import time

import pytest

from crypto.parties import AUTHORITY
from crypto.session.apart.envelopes import Request
from crypto.session.secure_sum import SessionAbortedError
from tests.crypto.session.apart.world import NEEDS_ALL, PROTOCOLS, WITH_AUTHORITY, World, run

pytestmark = pytest.mark.slow
VICTIM = 3
DEADLINE = 1.0
QUICK = ["masking", "pairwise masking", "homomorphic", "hardened quality, authority"]


async def requests_to(name, party):
    """The (task, stage) of all requests to a party in a session that goes well, in order."""
    seen = []
    async with World(name) as world:
        world.expect()

        def note(receiver, data):
            if receiver == party:
                request = Request.from_bytes(data)
                seen.append((request.task, request.stage))
            return data

        world.hub.alter_down = note
        await world.sum()
    return seen


def at_request(world, party, number, act):
    """Act when the server is about to ask a party for the number-th time; tell who it was."""
    count, asked = 0, []

    def watch(receiver, data):
        nonlocal count
        if receiver == party:
            if count == number:
                asked.append(party)
                act(party)
            count += 1
        return data

    world.hub.alter_down = watch
    return asked


def disturbances(name, party=VICTIM):
    return range(len(run(requests_to(name, party))))


async def disturbed(name, number, act, party=VICTIM, deadline=30.0):
    """Run one session in which a party is disturbed, then one of the next round without it."""
    async with World(name, deadline=deadline) as world:
        world.expect()
        act = getattr(world, act) if isinstance(act, str) else act
        asked = at_request(world, party, number, act)
        start = time.monotonic()
        try:
            result = await world.sum()
            world.assert_right(result)
            assert set(result.survivors) >= set(world.clients) - {VICTIM}
        except SessionAbortedError as error:
            result = error
        seconds = time.monotonic() - start
        world.hub.alter_down = None
        if party == VICTIM and name not in NEEDS_ALL:
            rest = [client for client in world.clients if client != VICTIM]
            world.expect(2, clients=rest)
            world.assert_right(await world.sum(2, cohort=rest), rest)
    return result, seconds if asked else None


def assert_is_dropout(name, number, result):
    if name in NEEDS_ALL:
        assert isinstance(result, SessionAbortedError)
    else:
        assert not isinstance(result, SessionAbortedError), (number, result)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_client_that_goes_at_any_stage_is_a_dropout_of_it(name):
    for number in disturbances(name):
        result, seconds = run(disturbed(name, number, "stop"))
        assert_is_dropout(name, number, result)
        assert (seconds or 0.0) < 15.0, number  # the deadline is 30


def check_hanging(name):
    """Let a client hang at each stage: it costs its deadline, once."""
    for number in disturbances(name):
        seconds = None
        while seconds is None:  # helpers are drawn, and the client may not be one of them
            result, seconds = run(disturbed(name, number, "hang", deadline=DEADLINE))
        assert_is_dropout(name, number, result)
        assert DEADLINE * 0.9 < seconds < DEADLINE + 5.0, number


@pytest.mark.parametrize("name", QUICK)
def test_a_client_that_hangs_at_any_stage_costs_one_deadline(name):
    check_hanging(name)


@pytest.mark.drill
@pytest.mark.parametrize("name", sorted(PROTOCOLS.keys() - {*QUICK}))
def test_a_client_that_hangs_at_any_stage_of_other_protocols_costs_one_deadline(name):
    check_hanging(name)


@pytest.mark.parametrize("name", WITH_AUTHORITY)
@pytest.mark.parametrize("act", ["stop", "hang"])
def test_without_the_authority_a_session_aborts_and_says_why(name, act):
    for number in disturbances(name, AUTHORITY):
        deadline = 30.0 if act == "stop" else DEADLINE
        result, seconds = run(disturbed(name, number, act, AUTHORITY, deadline))
        assert isinstance(result, SessionAbortedError)
        assert "the authority, without whom there is no sum, is not there" in str(result)
        assert seconds < 10.0


@pytest.mark.parametrize("name", PROTOCOLS)
def test_below_the_threshold_it_aborts_and_asks_for_nothing_more(name):
    async def fall():
        async with World(name) as world:
            world.expect()
            for client in world.clients[:3]:
                world.stop(client)
            asked = []
            world.hub.alter_down = lambda party, data: asked.append(party) or data
            with pytest.raises(SessionAbortedError) as caught:
                await world.sum()
            assert not caught.value.may_be_opened
            assert max(map(asked.count, world.clients), default=0) <= 3

    run(fall())


def test_who_missed_a_deadline_is_not_waited_for_until_it_shows_life():
    async def sleeper():
        async with World("masking", deadline=DEADLINE) as world:
            world.expect()
            at_request(world, VICTIM, 2, world.hang)
            world.assert_right(await world.sum(), [0, 1, 2, 4])
            assert world.conductor.silent == {VICTIM}
            world.expect(2)
            start = time.monotonic()
            world.assert_right(await world.sum(2), [0, 1, 2, 4])
            assert time.monotonic() - start < DEADLINE
            world.wake(VICTIM)
            await world.conductor.listen(0.2)  # its late answer is a sign of life
            assert world.conductor.silent == frozenset()
            assert world.conductor.late(VICTIM) == 1
            world.expect(3)
            world.assert_right(await world.sum(3), world.clients)

    run(sleeper())


def test_late_answers_never_reach_a_role():
    async def late():
        async with World("masking", deadline=DEADLINE) as world:
            world.expect()
            at_request(world, VICTIM, 1, world.hang)
            task = asyncio.create_task(world.sum())
            await asyncio.sleep(DEADLINE * 1.2)  # the session is past "share keys" now
            world.wake(VICTIM)
            result = await task
            world.assert_right(result, [0, 1, 2, 4])
            assert result.refusals == ()

    run(late())


def test_a_client_that_returns_joins_the_next_round():
    async def returning():
        async with World("hardened quality") as world:
            world.expect()
            at_request(world, VICTIM, 10, world.stop)  # after its key was made
            world.assert_right(await world.sum(), [0, 1, 2, 4])
            world.start(VICTIM)  # without its share of the system key
            world.expect(2)
            world.assert_right(await world.sum(2), world.clients)
            world.expect(3)
            result = await world.sum(3)
            world.assert_right(result, world.clients)
            assert not [row for row in result.costs.messages if row.stage == "key setup"]

    run(returning())


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_connection_that_is_lost_and_made_anew_at_any_stage_loses_nothing(name):
    async def healed(number):
        async with World(name) as world:
            world.expect()
            at_request(world, VICTIM, number, world.reconnect)
            result = await world.sum()
            world.assert_right(result, world.clients)
            assert result.refusals == ()

    for number in disturbances(name):
        run(healed(number))
