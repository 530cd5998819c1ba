"""A client that was started anew helps to open one sum of a round, whatever the server says."""

import pytest

from crypto.errors import ConsistencyError, OpenedRoundError, PolicyError
from crypto.session.opened_rounds import MemoryJournal
from crypto.session.secure_sum import SessionAbortedError
from tests.crypto.session.apart.world import BINDING, PROTOCOLS, World, run

CLIENTS = range(5)


class Flushed(MemoryJournal):
    """Notes when it was written to, between the messages that the client sent."""

    def __init__(self, log):
        super().__init__()
        self._log = log

    def record(self, round_id, session_id):
        super().record(round_id, session_id)
        self._log.append("recorded")


def forget(server):
    """Make a server forget that it had the sum: what it claims to be a crash."""
    server._once = type(server._once)()


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_second_sum_of_a_round_is_refused_after_a_restart(name):
    async def twice():
        journals = {client: MemoryJournal() for client in CLIENTS}
        async with World(name, CLIENTS, journals=journals) as world:
            world.expect()
            world.assert_right(await world.sum(), world.clients)
            for client in world.clients:
                world.stop(client)
                world.start(client)  # with its journal, and nothing else that it knew
            forget(world.server)
            world.expect()
            with pytest.raises(SessionAbortedError) as caught:
                await world.sum(cohort=world.clients[:4])
            assert OpenedRoundError in {type(r.error) for r in caught.value.refusals}
            world.expect(2)
            world.assert_right(await world.sum(2), world.clients)

    run(twice())


def test_a_round_is_recorded_before_what_opens_it_leaves():
    async def watched():
        log = []
        journals = {0: Flushed(log)}
        async with World("masking", CLIENTS, journals=journals) as world:
            world.expect()

            def note(party, data):
                if party == 0:
                    log.append("sent")
                return data

            world.hub.alter_up = note
            await world.sum()
        assert log == ["sent"] * 4 + ["recorded", "sent"]

    run(watched())


def test_without_a_journal_the_second_sum_would_be_given():
    async def twice():
        async with World("masking", CLIENTS) as world:
            for cohort in (world.clients, world.clients[:4]):
                world.expect()
                world.assert_right(await world.sum(cohort=cohort), cohort)
                for client in world.clients:
                    world.stop(client)
                    world.start(client)
                forget(world.server)

    run(twice())


def test_a_client_joins_only_what_it_is_ready_for():
    async def other(round_id, binding, kind):
        async with World("masking", CLIENTS) as world:
            world.expect(1)
            with pytest.raises(SessionAbortedError) as caught:
                await world.sum(round_id, binding)
            assert {r.by for r in caught.value.refusals} == set(CLIENTS)
            assert {kind} == {type(r.error) for r in caught.value.refusals}
            assert not caught.value.may_be_opened
            return str(caught.value.refusals[0])

    assert "a sum of round 2; this client is ready for round 1" in run(
        other(2, BINDING, PolicyError)
    )
    text = run(other(1, bytes(32), ConsistencyError))
    assert "bound to another broadcast" in text


def test_clients_that_were_shown_different_models_never_share_masks():
    async def split():
        async with World("masking", CLIENTS) as world:
            world.expect(1)
            world.expect(1, bytes(32), clients=[0])
            result = await world.sum()
            world.assert_right(result, [1, 2, 3, 4])
            assert [r.by for r in result.refusals] == [0]

    run(split())
