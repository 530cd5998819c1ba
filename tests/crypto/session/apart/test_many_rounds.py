"""Many rounds in which clients come, go, hang, wake and lose their lines at random."""

import asyncio
import random

import pytest

from crypto.session.secure_sum import SessionAbortedError
from tests.crypto.session.apart.world import World, run

pytestmark = [pytest.mark.slow, pytest.mark.drill]
CLIENTS = range(7)
ROUNDS = {"masking": 100, "quality": 25, "hardened quality": 25}
DEADLINE = 1.0


class Weather:
    """What happens to clients: at a random request of theirs, and never to more than two at once.

    A threshold of 5 of 7 so holds in every round.
    """

    def __init__(self, world, seed):
        self.world, self.source = world, random.Random(seed)
        self.away, self.hung, self.happened = set(), set(), []

    def before_round(self):
        for client in list(self.away):
            if self.source.random() < 0.5:
                self.away.discard(client)
                self.world.start(client)
        for client in list(self.hung):
            self.hung.discard(client)
            self.world.wake(client)

    def watch(self, receiver, data):
        rest = set(CLIENTS) - self.away - self.hung
        if receiver in rest and self.source.random() < 0.03:
            room = len(self.away) + len(self.hung) < 2
            act = self.source.choice(["stop", "hang", "reconnect"] if room else ["reconnect"])
            self.happened.append(act)
            if act == "stop":
                self.away.add(receiver)
            elif act == "hang":
                self.hung.add(receiver)
            getattr(self.world, act)(receiver)
        return data


@pytest.mark.parametrize("name", ROUNDS)
def test_no_round_is_lost_that_has_its_threshold(name):
    async def rounds():
        async with World(name, CLIENTS, deadline=DEADLINE) as world:
            weather = Weather(world, seed=11)
            for round_id in range(1, ROUNDS[name] + 1):
                weather.before_round()
                await world.conductor.listen(0.02)
                present = [c for c in CLIENTS if c in world.conductor.present]
                world.expect(round_id, clients=[c for c in CLIENTS if c not in weather.away])
                world.hub.alter_down = weather.watch
                try:
                    result = await world.sum(round_id, cohort=present)
                except SessionAbortedError as error:
                    pytest.fail(f"round {round_id} of {present}: {error}, {weather.happened[-5:]}")
                world.hub.alter_down = None
                world.assert_right(result)
                assert set(result.survivors) <= set(present)
            assert {"stop", "hang", "reconnect"} <= set(weather.happened)
            others = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            assert len(others) <= len(CLIENTS) + 2  # nothing is left behind but who serves

    run(rounds(), 500)
